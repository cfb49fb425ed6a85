package dev.reactiveevents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.engine.ChannelOptions;
import java.time.Duration;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.DefaultTyping;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.jsontype.BasicPolymorphicTypeValidator;

class OptionsTest {

    static Stream<ThrowingCallable> badValues() {
        SubscribeOptions subscribe = SubscribeOptions.defaults();
        ChannelOptions channel = ChannelOptions.defaults();
        return Stream.of(
                () -> subscribe.withPrefetch(0),
                () -> subscribe.withPollInterval(Duration.ZERO),
                () -> subscribe.withPollInterval(null),
                () -> subscribe.withMaxProcessingTime(Duration.ofSeconds(-1)),
                () -> subscribe.withOnReady(null),
                () -> channel.withLease(Duration.ofMillis(99)),
                () -> channel.withLease(null),
                () -> channel.withLease(Duration.ofDays(366)),
                () -> subscribe.withPollInterval(Duration.ofSeconds(Long.MAX_VALUE)),
                () -> channel.withPollInterval(Duration.ZERO),
                () -> channel.withPrefetch(0),
                () -> channel.withClaimBatch(0),
                () -> channel.withClaimBatch(10_001),
                () -> channel.withMaxAttempts(0),
                () -> channel.withRetryPolicy(null),
                () -> channel.withDeadLetterKeys(null),
                () -> channel.withPublishTimeout(Duration.ZERO),
                () -> channel.withShutdownTimeout(Duration.ofSeconds(-1)),
                () -> channel.withJsonMapper(null));
    }

    @ParameterizedTest
    @MethodSource("badValues")
    void badValuesAreRefused(ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(EventException.Invalid.class).hasMessageContaining("give");
    }

    @Test
    void copiesKeepWhatWasSetBefore() {
        ChannelOptions options = ChannelOptions.defaults()
                .withPrefetch(7)
                .withLease(Duration.ofSeconds(5))
                .withDeadLetterKeys(DeadLetterKeys.PARK)
                .withMaxAttempts(3);

        assertThat(options.prefetch()).isEqualTo(7);
        assertThat(options.deadLetterKeys()).isEqualTo(DeadLetterKeys.PARK);
        assertThat(options.lease()).isEqualTo(Duration.ofSeconds(5));
        assertThat(options.maxAttempts()).isEqualTo(3);
        assertThat(ChannelOptions.defaults().prefetch()).isEqualTo(4_096);
    }

    @Test
    void aMapperWithDefaultTypingIsRefused() {
        JsonMapper unsafe = JsonMapper.builder()
                .activateDefaultTyping(
                        BasicPolymorphicTypeValidator.builder()
                                .allowIfSubType(Object.class)
                                .build(),
                        DefaultTyping.NON_FINAL)
                .build();

        assertThatThrownBy(() -> ChannelOptions.defaults().withJsonMapper(unsafe))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("default typing");
    }
}
