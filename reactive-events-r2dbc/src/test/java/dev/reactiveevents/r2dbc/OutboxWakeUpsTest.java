package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The outbox of a backend with notifications: the word travels with the commit, whoever ends the transaction. */
class OutboxWakeUpsTest extends OutboxTest.OnEveryDatabase {
    OutboxWakeUpsTest() {
        super(TestDatabase.postgres());
    }

    @Override
    R2dbcEventChannel open(UnaryOperator<R2dbcEventChannelBuilder> change) {
        return super.open(builder -> change.apply(builder.backend(BackendType.LISTEN_NOTIFY_DURABLE)));
    }

    @Test
    void theCommitOfAForeignTransactionWakesOthers() {
        R2dbcEventChannel elsewhere = open(builder -> builder.pollInterval(NO_POLLING));
        Arrivals arrivals = subscribe(elsewhere);
        R2dbcEventChannel here = open(UnaryOperator.identity());
        try (TestDatabase.Transaction transaction = transaction()) {
            String id = here.in(transaction.connection()).publish("orders", 1).block(LIMIT);
            assertThat(arrivals.hasNone()).isTrue();
            commit(transaction);
            assertThat(arrivals.next(LIMIT).eventId()).isEqualTo(id);
        }
    }

    @Test
    void aCallSendsItsInsertAndANotifyUnlessThatIsTurnedOff() {
        R2dbcEventChannel telling = open(UnaryOperator.identity());
        R2dbcEventChannel silent = open(builder -> builder.wakeOnCommit(false));
        try (TestDatabase.Transaction transaction = transaction()) {
            Recorded recorded = Recorded.of(transaction.connection());
            telling.in(recorded.connection()).publish("orders", 1).block(LIMIT);
            assertThat(recorded.calls()).containsExactly("INSERT", "NOTIFY");
            recorded.calls().clear();
            silent.in(recorded.connection()).publish("orders", 1).block(LIMIT);
            assertThat(recorded.calls()).containsExactly("INSERT");
        }
    }

    @Test
    void aFailureIsThatOfTheInsertNotOfTheNotifyBehindIt() {
        R2dbcEventChannel events = open(UnaryOperator.identity());
        database.execute("ALTER TABLE \"queue\" ADD CONSTRAINT few CHECK (channel <> 'refused')");
        try (TestDatabase.Transaction transaction = transaction()) {
            assertThatThrownBy(() -> events.in(transaction.connection())
                            .publish("refused", 1)
                            .block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class)
                    .hasMessageContaining("23514")
                    .hasMessageContaining("Roll back");
        }
    }
}
