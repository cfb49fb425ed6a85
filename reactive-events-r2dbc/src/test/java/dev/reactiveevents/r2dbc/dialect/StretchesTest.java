package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.Stretches.Stretch;
import dev.reactiveevents.r2dbc.dialect.Watermarks.Place;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StretchesTest {

    private static final int LIMIT = 100;
    private static final Place A = new Place(100L, 1);
    private static final Place B = new Place(100L, 101);
    private static final Place C = new Place(200L, 201);

    private final AtomicLong nanos = new AtomicLong();
    private final Stretches stretches = new Stretches(nanos::get);

    private Stretch next() {
        return stretches.next("orders", LIMIT);
    }

    private void full(Stretch stretch) {
        stretches.claimed("orders", LIMIT, stretch, true);
    }

    private void tooFew(Stretch stretch) {
        stretches.claimed("orders", LIMIT, stretch, false);
    }

    /** Of claims that are full, the first that measures. */
    private Stretch measuring() {
        full(next());
        return next();
    }

    /** How many full claims from the bottom go by before one measures. */
    private int patience() {
        int waited = 0;
        for (Stretch stretch = next(); stretch.ahead() == 0; stretch = next()) {
            full(stretch);
            waited++;
        }
        return waited;
    }

    @Test
    void aClaimAfterAFullOneMeasuresAndTheNextHaveStretchesOfTheirOwn() {
        assertThat(next()).isEqualTo(Stretch.ALL);
        Stretch measuring = measuring();
        assertThat(measuring).isEqualTo(new Stretch(null, null, Stretches.AHEAD * LIMIT + 1));
        assertThat(measuring.isOwn()).isFalse();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        full(measuring);

        assertThat(next()).isEqualTo(new Stretch(A, B, 0));
        assertThat(next()).isEqualTo(new Stretch(B, C, 0));
        assertThat(next()).isEqualTo(new Stretch(C, null, 0));
        assertThat(next()).isEqualTo(measuring);
        assertThat(stretches.next("others", LIMIT)).isEqualTo(Stretch.ALL);
    }

    @Test
    void whereOneFoundTooLittleTheRestIsClaimedFromTheBottom() {
        measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        tooFew(next());

        assertThat(next()).isEqualTo(new Stretch(B, null, 0));
        assertThat(next()).isEqualTo(Stretch.ALL);
    }

    @Test
    void aClaimOfOtherEventsTooBeginsBehindTheStretchThatMayBeOnItsWay() {
        measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        next();

        assertThat(stretches.others("orders")).isEqualTo(new Stretch(B, null, 0));
        assertThat(stretches.others("orders")).isEqualTo(Stretch.ALL);
        assertThat(next().isOwn()).isFalse();
    }

    @Test
    void soDoesAClaimThatFollowsOneThatFoundTooLittleWhileTheStretchIsOnItsWay() {
        Stretch measuring = measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        next();
        tooFew(measuring);

        assertThat(next()).isEqualTo(new Stretch(B, null, 0));
        tooFew(Stretch.ALL);
        assertThat(next()).isEqualTo(Stretch.ALL);
    }

    @Test
    void theMoreStretchesAreOfNoUseTheFewerAreMeasured() {
        assertThat(patience()).isEqualTo(1);
        stretches.measured("orders", LIMIT, List.of(A, B));
        tooFew(next());
        assertThat(patience()).isEqualTo(2);
        stretches.measured("orders", LIMIT, List.of(A, B));
        tooFew(next());
        assertThat(patience()).isEqualTo(4);
        for (int i = 0; i < 20; i++) {
            stretches.measured("orders", LIMIT, List.of(A, B));
            tooFew(next());
            assertThat(patience()).isLessThanOrEqualTo(256);
        }
        assertThat(patience()).isZero();
        stretches.measured("orders", LIMIT, List.of(A, B));
        full(next());

        assertThat(patience()).as("the one behind the stretches").isEqualTo(1);
        stretches.measured("orders", LIMIT, List.of(A, B));
        tooFew(next());
        assertThat(patience()).isEqualTo(2);
    }

    @Test
    void claimsOfAnotherSizeHaveNone() {
        measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));

        assertThat(stretches.next("orders", LIMIT + 1)).isEqualTo(Stretch.ALL);
        assertThat(next()).isEqualTo(Stretch.ALL);
    }

    @Test
    void aClaimOfAnotherSizeThatIsAnsweredLateChangesNoStretch() {
        measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        stretches.claimed("orders", LIMIT / 2, Stretch.ALL, true);

        assertThat(stretches.next("orders", LIMIT / 2).isOwn()).isFalse();
    }

    @Test
    void ofFewEventsNoneAreMeasured() {
        stretches.claimed("orders", 49, stretches.next("orders", 49), true);

        assertThat(stretches.next("orders", 49)).isEqualTo(Stretch.ALL);
    }

    @Test
    void whatComesInBelowWaitsForASecondAtMost() {
        measuring();
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        nanos.set(Duration.ofSeconds(1).toNanos());
        assertThat(next()).isEqualTo(new Stretch(A, B, 0));
        nanos.incrementAndGet();

        assertThat(next()).isEqualTo(new Stretch(B, null, 0));
        assertThat(next()).isEqualTo(Stretch.ALL);
    }

    @Test
    void whatIsGivenBackIsClaimedNext() {
        full(measuring());
        stretches.measured("orders", LIMIT, List.of(A, B, C));
        next();
        stretches.lower("orders");

        assertThat(next()).isEqualTo(new Stretch(B, null, 0));
        assertThat(next()).isEqualTo(new Stretch(null, null, Stretches.AHEAD * LIMIT + 1));
    }

    @Test
    void aChannelThatIsEmptyIsForgotten() {
        Stretch measuring = measuring();
        tooFew(measuring);

        assertThat(next()).isEqualTo(Stretch.ALL);
    }
}
