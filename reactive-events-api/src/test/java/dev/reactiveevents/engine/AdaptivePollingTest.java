package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** After activity it is looked soon again, then less and less often, until the poll interval is enough. */
class AdaptivePollingTest extends VirtualTimeEngine {

    private static final ChannelOptions OPTIONS = ChannelOptions.defaults()
            .withPollInterval(Duration.ofMillis(250))
            .withPollAfterActivity(Duration.ofMillis(10));

    @BeforeEach
    void open() {
        channel = channel(OPTIONS);
    }

    /** How many claims there were while so much time passed. */
    private int claimsIn(Duration time) {
        int before = backend.claims.size();
        advance(time);
        return backend.claims.size() - before;
    }

    private void findOne() {
        backend.store(1);
        advance(Duration.ofMillis(250));
        assertThat(backend.stored).isEmpty();
    }

    @Test
    void anIdleChannelIsPolledAtItsInterval() {
        subscribe(10);
        assertThat(claimsIn(Duration.ofSeconds(10))).isEqualTo(40);
    }

    @Test
    void afterActivityItLooksSoonAndTwiceAsLateEachTimeInVain() {
        subscribe(10);
        findOne();

        int before = backend.claims.size();
        advance(Duration.ofMillis(12));
        assertThat(backend.claims).hasSize(before + 1);
        advance(Duration.ofMillis(22));
        assertThat(backend.claims).hasSize(before + 2);
        advance(Duration.ofMillis(42));
        assertThat(backend.claims).hasSize(before + 3);
        advance(Duration.ofMillis(82));
        assertThat(backend.claims).hasSize(before + 4);
    }

    @Test
    void itReturnsToTheIntervalWhenNothingFollows() {
        subscribe(10);
        findOne();
        advance(Duration.ofSeconds(1));
        assertThat(claimsIn(Duration.ofSeconds(10))).isEqualTo(40);
    }

    @Test
    void whatFollowsIsFoundSoonAndMakesItLookSoonAgain() {
        subscribe(10);
        findOne();
        for (int i = 0; i < 5; i++) {
            backend.store(1);
            advance(Duration.ofMillis(12));
            assertThat(backend.stored).isEmpty();
        }
    }

    @Test
    void aSubscriptionThatPollsFasterThanThatIsLeftAlone() {
        subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofMillis(5)), 10);
        backend.store(1);
        advance(Duration.ofMillis(5));
        assertThat(backend.stored).isEmpty();
        assertThat(claimsIn(Duration.ofMillis(100))).isEqualTo(20);
    }

    @Test
    void withoutItTheIntervalCountsAfterActivityToo() {
        channel = channel(ChannelOptions.defaults().withPollInterval(Duration.ofMillis(250)));
        subscribe(10);
        findOne();
        assertThat(claimsIn(Duration.ofSeconds(10))).isEqualTo(40);
    }
}
