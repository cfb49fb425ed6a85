package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.NewEvent;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;
import reactor.util.context.Context;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** How what travels gets into the text of an event's metadata. */
class CarriedMetadataTest extends VirtualTimeEngine {

    private static final Context CAUSE = Context.of(EventContext.CORRELATION_ID, "order-42");

    private String metadataOf(Event event, Context context) {
        channel(ChannelOptions.defaults()).publish(event).contextWrite(context).subscribe();
        return last().metadata();
    }

    private NewEvent last() {
        List<NewEvent> batch = backend.published.get(backend.published.size() - 1);
        return batch.get(batch.size() - 1);
    }

    @Test
    void anEventWithoutMetadataGetsSome() {
        assertThat(metadataOf(Event.of("orders", 1), CAUSE)).isEqualTo("{\"correlation_id\":\"order-42\"}");
    }

    @Test
    void anEventWithoutACauseGetsNone() {
        assertThat(metadataOf(Event.of("orders", 1), Context.of("user", "anna")))
                .isNull();
    }

    @Test
    void itIsAddedToWhatIsThere() {
        Event event = Event.of("orders", 1).withMetadata("a", Map.of("}", "{"));
        assertThat(metadataOf(event, CAUSE)).isEqualTo("{\"a\":{\"}\":\"{\"},\"correlation_id\":\"order-42\"}");
    }

    @Test
    void itIsAddedToPrettyText() {
        ChannelOptions pretty = ChannelOptions.defaults()
                .withJsonMapper(JsonMapper.builder()
                        .enable(SerializationFeature.INDENT_OUTPUT)
                        .build());
        channel(pretty)
                .publish(Event.of("orders", 1).withMetadata("a", 1))
                .contextWrite(CAUSE)
                .subscribe();

        assertThat(JsonMapper.builder().build().readTree(last().metadata()))
                .isEqualTo(JsonMapper.builder().build().readTree("{\"a\":1,\"correlation_id\":\"order-42\"}"));
    }

    @Test
    void itDoesNotReplaceWhatIsThere() {
        Event event = Event.of("orders", 1).withMetadata("correlation_id", null);
        assertThat(metadataOf(event, CAUSE)).isEqualTo("{\"correlation_id\":null}");
    }

    @Test
    void whatIsCalledTheSameFurtherInsideIsSomethingElse() {
        Event event = Event.of("orders", 1).withMetadata("a", Map.of("correlation_id", 1));
        assertThat(metadataOf(event, CAUSE))
                .isEqualTo("{\"a\":{\"correlation_id\":1},\"correlation_id\":\"order-42\"}");
    }

    @Test
    void valuesAreWrittenAsJson() {
        assertThat(metadataOf(Event.of("orders", 1), Context.of(EventContext.CORRELATION_ID, "a\"b\\")))
                .isEqualTo("{\"correlation_id\":\"a\\\"b\\\\\"}");
    }

    @Test
    void whatNoDatabaseStoresIsRefused() {
        Mono<String> publish = channel(ChannelOptions.defaults()).publish(Event.of("orders", 1));

        StepVerifier.create(publish.contextWrite(Context.of(EventContext.CORRELATION_ID, "a\0b")))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContainingAll("metadata", "U+0000"));
        assertThat(backend.published).isEmpty();
    }
}
