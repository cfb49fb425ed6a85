package dev.reactiveevents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RetryPolicyTest {

    @Test
    void exponentialDoublesWithAFifthOfJitter() {
        RetryPolicy policy = RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMinutes(5));

        for (int failures = 1; failures <= 8; failures++) {
            long millis = 1_000L << (failures - 1);
            assertThat(policy.delayAfter(failures).orElseThrow())
                    .isBetween(Duration.ofMillis(millis * 8 / 10), Duration.ofMillis(millis * 12 / 10));
        }
    }

    private static List<Duration> many(RetryPolicy policy, int failures) {
        return Stream.generate(() -> policy.delayAfter(failures).orElseThrow())
                .limit(1_000)
                .toList();
    }

    @Test
    void whatWaitsForTheLongestDelayDoesNotComeBackTogether() {
        RetryPolicy policy = RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMinutes(5));

        for (int failures : new int[] {10, 20, 63, 64, 1_000, Integer.MAX_VALUE}) {
            List<Duration> delays = many(policy, failures);
            assertThat(delays)
                    .allSatisfy(delay -> assertThat(delay).isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5)));
            assertThat(new HashSet<>(delays)).hasSizeGreaterThan(990);
            assertThat(delays).anyMatch(delay -> delay.compareTo(Duration.ofSeconds(250)) < 0);
            assertThat(delays).anyMatch(delay -> delay.compareTo(Duration.ofSeconds(290)) > 0);
        }
    }

    /** 1 s may become 1.1 s and no more, 2 s are 1.1 s; neither end of the range falls as failures go on. */
    @Test
    void noDelayExceedsALongestThatJitterWouldReach() {
        RetryPolicy policy = RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMillis(1_100));

        assertThat(many(policy, 1))
                .allSatisfy(delay -> assertThat(delay).isBetween(Duration.ofMillis(800), Duration.ofMillis(1_100)));
        assertThat(many(policy, 2))
                .allSatisfy(delay -> assertThat(delay).isBetween(Duration.ofMillis(880), Duration.ofMillis(1_100)));
        assertThat(new HashSet<>(many(policy, 1))).hasSizeGreaterThan(990);
        assertThat(new HashSet<>(many(policy, 2))).hasSizeGreaterThan(990);
    }

    @Test
    void theShortestDelayIsNotRoundedToNone() {
        Duration nano = Duration.ofNanos(1);

        assertThat(many(RetryPolicy.exponential(nano, nano), 1)).containsOnly(nano);
    }

    @Test
    void exponentialMayHaveALongestThatNobodyLivesToSee() {
        Duration ages = Duration.ofDays(365 * 300);

        assertThat(RetryPolicy.exponential(Duration.ofSeconds(1), ages).delayAfter(1))
                .hasValueSatisfying(delay -> assertThat(delay).isLessThan(Duration.ofSeconds(2)));
        assertThat(RetryPolicy.exponential(ages, ages).delayAfter(100))
                .hasValueSatisfying(delay -> assertThat(delay).isGreaterThan(Duration.ofDays(365 * 200)));
        assertThat(many(RetryPolicy.exponential(ages, ages), Integer.MAX_VALUE))
                .allSatisfy(delay -> assertThat(delay).isBetween(Duration.ofDays(365 * 233), ages));
    }

    @Test
    void jitterVaries() {
        Set<Duration> delays = new HashSet<>();
        for (int i = 0; i < 50; i++) {
            delays.add(RetryPolicy.defaults().delayAfter(3).orElseThrow());
        }

        assertThat(delays).hasSizeGreaterThan(10);
    }

    @Test
    void fixedIsFixed() {
        assertThat(RetryPolicy.fixed(Duration.ofSeconds(7)).delayAfter(100)).contains(Duration.ofSeconds(7));
    }

    @Test
    void noneGivesUpAtOnce() {
        assertThat(RetryPolicy.none().delayAfter(1)).isEmpty();
    }

    @Test
    void customMayGiveUp() {
        RetryPolicy policy = RetryPolicy.custom(failures -> failures < 3 ? Duration.ofSeconds(failures) : null);

        assertThat(policy.delayAfter(2)).contains(Duration.ofSeconds(2));
        assertThat(policy.delayAfter(3)).isEmpty();
    }

    @Test
    void someFailuresAreFinal() {
        RetryPolicy policy = RetryPolicy.fixed(Duration.ZERO)
                .notOn(IllegalArgumentException.class)
                .notOn(error -> "final".equals(error.getMessage()));

        assertThat(policy.delayAfter(1, new NumberFormatException())).isEmpty();
        assertThat(policy.delayAfter(1, new IllegalStateException("final"))).isEmpty();
        assertThat(policy.delayAfter(1, new IllegalStateException("passing"))).isPresent();
    }

    @Test
    void badValuesAreRefused() {
        assertThatThrownBy(() -> RetryPolicy.exponential(Duration.ZERO, Duration.ofSeconds(1)))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> RetryPolicy.exponential(Duration.ofSeconds(2), Duration.ofSeconds(1)))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> RetryPolicy.fixed(Duration.ofSeconds(-1))).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() ->
                        RetryPolicy.custom(failures -> Duration.ofSeconds(-1)).delayAfter(1))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("PT-1S");
    }
}
