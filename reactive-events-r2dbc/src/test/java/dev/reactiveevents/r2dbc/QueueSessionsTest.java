package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Which connection the next message is taken on. */
class QueueSessionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final QueueSessions sessions = new QueueSessions(new AdvancedQueueModel(), new OracleDialect(), 1);

    private QueueSession take() {
        return Objects.requireNonNull(sessions.take().block(LIMIT));
    }

    @Test
    void oneThatWasGivenBackIsUsedAgain() {
        QueueSession first = take();
        sessions.giveBack(first);
        assertThat(take()).isSameAs(first);
        assertThat(take()).isNotSameAs(first);
    }

    @Test
    void oneThatIsAboutToComeBackIsWaitedForByOne() throws Exception {
        QueueSession first = take();
        sessions.ends(first);
        CompletableFuture<QueueSession> waits = sessions.take().toFuture();
        QueueSession second = take();
        assertThat(second).isNotSameAs(first);
        assertThat(waits).isNotDone();
        sessions.giveBack(first);
        assertThat(waits.get(20, TimeUnit.SECONDS)).isSameAs(first);
    }

    @Test
    void whoWaitsInVainOpensAnother() throws Exception {
        QueueSession dropped = take();
        sessions.ends(dropped);
        CompletableFuture<QueueSession> waits = sessions.take().toFuture();
        sessions.drop(dropped);
        assertThat(waits.get(20, TimeUnit.SECONDS)).isNotSameAs(dropped);

        QueueSession stays = take();
        sessions.ends(stays);
        CompletableFuture<QueueSession> others = sessions.take().toFuture();
        sessions.stays(stays);
        assertThat(others.get(20, TimeUnit.SECONDS)).isNotSameAs(stays);
    }

    @Test
    void whoWaitsNoLongerGetsNone() {
        QueueSession first = take();
        sessions.ends(first);
        sessions.take().subscribe().dispose();
        sessions.giveBack(first);
        assertThat(take()).isSameAs(first);
    }
}
