package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventContext;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** What travels from the Reactor Context of who publishes to that of the handler, which nobody need observe. */
abstract class CarriedContextContract extends ContractGroup {

    private static final String TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static final Context CAUSE = Context.of(EventContext.CORRELATION_ID, "order-42", "traceparent", TRACE);

    CarriedContextContract(EventChannelContract contract) {
        super(contract);
    }

    /** The context of the next handler at work on a channel. */
    private static Mono<ContextView> contextOf(EventChannel events, String name) {
        Sinks.One<ContextView> seen = Sinks.one();
        awaitEnd(events.listen(
                        name,
                        message -> Mono.deferContextual(context -> {
                            seen.tryEmitValue(context);
                            return Mono.empty();
                        }))
                .ready());
        return seen.asMono();
    }

    @Test
    void itGoesFromThePublisherToTheHandler() {
        EventChannel events = open();
        Mono<ContextView> seen = contextOf(events, channel);
        await(events.publish(channel, 1).contextWrite(CAUSE));

        ContextView context = await(seen);
        assertThat(context.<String>get(EventContext.CORRELATION_ID)).isEqualTo("order-42");
        assertThat(context.<String>get("traceparent")).isEqualTo(TRACE);
    }

    @Test
    void aHandlerThatPublishesKeepsTheChain() {
        EventChannel events = open();
        String next = newChannelName();
        Mono<ContextView> seen = contextOf(events, next);
        awaitEnd(events.listen(channel, message -> events.publish(next, 2).then())
                .ready());
        await(events.publish(channel, 1).contextWrite(CAUSE));

        ContextView context = await(seen);
        assertThat(context.<String>get(EventContext.CORRELATION_ID)).isEqualTo("order-42");
        assertThat(context.<String>get("traceparent")).isEqualTo(TRACE);
    }

    @Test
    void itGoesWithEveryWayOfPublishing() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publishAll(
                        List.of(Event.of(channel, 1), Event.of(channel, 2).withMetadata("a", "b")))
                .contextWrite(CAUSE));
        await(events.publishAll(Flux.just(Event.of(channel, 3).withMetadata("c", Map.of())))
                .collectList()
                .contextWrite(CAUSE));

        Map<String, Object> carried = Map.of(EventContext.CORRELATION_ID, "order-42", "traceparent", TRACE);
        assertThat(inbox.next(3))
                .allSatisfy(message -> assertThat(message.metadata()).containsAllEntriesOf(carried))
                .extracting(message -> message.metadata().size())
                .containsExactlyInAnyOrder(2, 3, 3);
    }

    @Test
    void whoSubscribesReadsIt() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1).contextWrite(CAUSE));

        Context context = EventContext.of(inbox.next());
        assertThat(context.<String>get(EventContext.CORRELATION_ID)).isEqualTo("order-42");
        assertThat(context.size()).isEqualTo(2);
    }

    @Test
    void whatTheEventSaysItselfStands() {
        EventChannel events = open();
        Mono<ContextView> seen = contextOf(events, channel);
        await(events.publish(Event.of(channel, 1).withMetadata(EventContext.CORRELATION_ID, 7))
                .contextWrite(CAUSE));

        assertThat(await(seen).<String>get(EventContext.CORRELATION_ID)).isEqualTo("7");
    }

    @Test
    void nothingTravelsUnasked() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Mono<ContextView> seen = contextOf(events, channel + "-handled");
        Context other = Context.of("user", "anna", "micrometer.observation", "none");
        await(events.publish(channel, 1).contextWrite(other));
        await(events.publish(Event.of(channel + "-handled", 1).withMetadata("user", "anna")));

        assertThat(inbox.next().metadata()).isEmpty();
        assertThat(await(seen).isEmpty()).isTrue();
    }
}
