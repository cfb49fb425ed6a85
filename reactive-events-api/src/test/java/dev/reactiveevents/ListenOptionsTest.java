package dev.reactiveevents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ListenOptionsTest {

    private static final ListenOptions OPTIONS = ListenOptions.defaults();

    @SuppressWarnings("NullAway")
    static Stream<ThrowingCallable> badValues() {
        return Stream.of(
                () -> OPTIONS.withConcurrency(0),
                () -> OPTIONS.withMaxProcessingTime(Duration.ZERO),
                () -> OPTIONS.withMaxProcessingTime(null),
                () -> OPTIONS.withMaxAttempts(0),
                () -> OPTIONS.withRetry(null),
                () -> OPTIONS.withKeyedConcurrency(null),
                () -> OPTIONS.withPollInterval(Duration.ofSeconds(-1)),
                () -> OPTIONS.withPrefetch(0),
                () -> OPTIONS.withOverflow(null),
                () -> OPTIONS.withOnMissed(null),
                () -> EventHandler.blocking(null),
                () -> EventHandler.blocking(message -> {}, null));
    }

    @ParameterizedTest
    @MethodSource("badValues")
    void badValuesAreRefused(ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(EventException.Invalid.class).hasMessageContaining("give");
    }

    @Test
    void theDefaultsAreAsDocumented() {
        assertThat(OPTIONS.concurrency()).isEqualTo(1);
        assertThat(OPTIONS.autoAck()).isTrue();
        assertThat(OPTIONS.maxProcessingTime()).isEqualTo(Duration.ofMinutes(10));
        assertThat(OPTIONS.key()).isNull();
        assertThat(OPTIONS.subscription().renewLeases()).isTrue();
        assertThat(OPTIONS.subscription().maxAttempts()).isNull();
        assertThat(OPTIONS.subscription().retry()).isNull();
    }

    @Test
    void copiesKeepWhatWasSetBefore() {
        RetryPolicy retry = RetryPolicy.none();
        ListenOptions options = OPTIONS.withConcurrency(8)
                .withAutoAck(false)
                .withMaxAttempts(5)
                .withRetry(retry)
                .withPrefetch(64)
                .withOverflow(Overflow.DROP_LATEST)
                .withKeyedConcurrency()
                .withPollInterval(Duration.ofSeconds(3));

        assertThat(options.concurrency()).isEqualTo(8);
        assertThat(options.autoAck()).isFalse();
        assertThat(options.key()).isNotNull();
        assertThat(options.subscription().maxAttempts()).isEqualTo(5);
        assertThat(options.subscription().retry()).isSameAs(retry);
        assertThat(options.subscription().prefetch()).isEqualTo(64);
        assertThat(options.subscription().overflow()).isEqualTo(Overflow.DROP_LATEST);
        assertThat(options.subscription().pollInterval()).isEqualTo(Duration.ofSeconds(3));
        assertThat(ListenOptions.defaults().concurrency()).isEqualTo(1);
    }
}
