package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.Watermarks.Place;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WatermarksTest {

    private static final Place FIRST = new Place(100L, 1);
    private static final Place SECOND = new Place(100L, 301);

    private final AtomicLong nanos = new AtomicLong();
    private final Watermarks marks = new Watermarks(nanos::get);

    private static Duration millis(long millis) {
        return Duration.ofMillis(millis);
    }

    @Test
    void claimsBeginAtTheBottomAsLongAsThatIsQuick() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(9));

        assertThat(marks.start("orders")).isEqualTo(Place.BOTTOM);
    }

    @Test
    void onceThatIsSlowTheyBeginWhereTheLastOneBegan() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(40));
        assertThat(marks.start("orders")).isEqualTo(FIRST);
        marks.claimed("orders", FIRST, SECOND, millis(4));

        assertThat(marks.start("orders")).isEqualTo(SECOND);
        assertThat(marks.start("others")).isEqualTo(Place.BOTTOM);
    }

    @Test
    void aTenthOfTheTimeGoesToSweepsFromTheBottom() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(40));
        nanos.set(millis(359).toNanos());
        assertThat(marks.start("orders")).isEqualTo(FIRST);
        nanos.set(millis(360).toNanos());

        assertThat(marks.start("orders")).isEqualTo(Place.BOTTOM);
    }

    @Test
    void aMarkThatDoesNotHelpIsGivenUp() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(40));
        marks.claimed("orders", FIRST, SECOND, millis(30));

        assertThat(marks.start("orders")).isEqualTo(Place.BOTTOM);
    }

    @Test
    void aClaimThatFoundTooLittleIsFollowedByOneFromTheBottom() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(40));
        marks.claimed("orders", FIRST, null, millis(4));

        assertThat(marks.start("orders")).isEqualTo(Place.BOTTOM);
    }

    @Test
    void whatIsReleasedIsFoundByTheNextClaim() {
        marks.claimed("orders", Place.BOTTOM, FIRST, millis(40));
        marks.lower("orders");

        assertThat(marks.start("orders")).isEqualTo(Place.BOTTOM);
    }
}
