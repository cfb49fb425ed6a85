package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.ClaimedEvent;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PayloadCodecTest {

    private final PayloadCodec codec = new PayloadCodec(JsonMapper.builder().build());

    private String written(Object payload) {
        return codec.encode(Event.of("orders", payload)).payload();
    }

    @Test
    void writesWhatJacksonWrites() {
        assertThat(written(null)).isEqualTo("null");
        assertThat(written("a")).isEqualTo("\"a\"");
        assertThat(written(List.of(1, 2))).isEqualTo("[1,2]");
        assertThat(written(Map.of("a", true))).isEqualTo("{\"a\":true}");
        assertThat(written("😀ü\\u0000")).isEqualTo("\"😀ü\\\\u0000\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\0", "a\0b", "\\\0", "\\\\\0", "\ud83d", "\ude00", "a\ude00\ud83d"})
    void refusesWhatNoDatabaseStores(String text) {
        for (Object payload : new Object[] {text, List.of(text), Map.of(text, 1)}) {
            assertThatThrownBy(() -> written(payload))
                    .isInstanceOf(EventException.Invalid.class)
                    .hasMessageContainingAll("payload", "orders", "take it out");
        }
        assertThatThrownBy(() -> codec.encode(Event.of("orders", 1).withKey(text)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("key");
        assertThatThrownBy(() -> codec.encode(Event.of("orders", 1).withType(text)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("type");
        assertThatThrownBy(() -> codec.encode(Event.of("orders", 1).withMetadata("a", text)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("metadata");
    }

    @Test
    void refusesWhatCannotBeWritten() {
        Object[] itself = new Object[1];
        itself[0] = itself;

        assertThatThrownBy(() -> written(new Object() {
                    public String getName() {
                        throw new IllegalStateException("not now");
                    }
                }))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("not now");
        assertThatThrownBy(() -> written(itself)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> codec.encode(null)).isInstanceOf(EventException.Invalid.class);
    }

    record One(int a) {}

    record Two(One one, List<One> more) {}

    record Three(Two two, Map<String, One> map) {}

    /** BlockHound is installed in these tests and would throw. */
    @Test
    void readingNewTypesOnManyThreadsParksNone() {
        ClaimedEvent event = ScriptedBackend.event(TimeOrderedIds.next(), "orders", "{}");
        List<Class<?>> types = List.of(One.class, Two.class, Three.class, Map.class, JsonNode.class, Object.class);
        for (int round = 0; round < 200; round++) {
            JsonMapper shared = JsonMapper.builder()
                    .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .build();
            List<PayloadCodec> fresh = List.of(new PayloadCodec(shared), new PayloadCodec(shared));
            Mono<Long> reading = Flux.fromIterable(types)
                    .concatWith(Flux.fromIterable(types))
                    .parallel(8)
                    .runOn(Schedulers.parallel())
                    .<Object>map(type -> {
                        PayloadCodec one = fresh.get(ThreadLocalRandom.current().nextInt(2));
                        return one.read(event, type);
                    })
                    .sequential()
                    .count();
            assertThat(reading.toFuture().join()).isEqualTo(12);
        }
    }
}
