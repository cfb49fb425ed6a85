package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class PaceTest {

    private static final long START = -Duration.ofHours(1).toNanos();

    private final Pace pace = new Pace(START);

    private static long at(int millis) {
        return START + Duration.ofMillis(millis).toNanos();
    }

    @Test
    void countsWhatWasSettledInTheLastQuarterSecond() {
        for (int millis = 0; millis < 1_000; millis += 10) {
            pace.count(at(millis));
        }

        assertThat(pace.recent(at(1_000))).isBetween(20, 25);
    }

    @Test
    void forgetsAfterAQuarterSecond() {
        pace.count(at(0));

        assertThat(pace.recent(at(100))).isEqualTo(1);
        assertThat(pace.recent(at(260))).isZero();
    }

    @Test
    void survivesALongPause() {
        pace.count(at(0));
        pace.count(at(10_000_000));

        assertThat(pace.recent(at(10_000_001))).isEqualTo(1);
    }
}
