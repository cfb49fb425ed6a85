package dev.reactiveevents.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;

/** A contestant that works while another session holds an old transaction open, so that nothing dead can be cleaned. */
final class Pinned implements Contestant {

    private final Lab lab;
    private final Contestant contestant;

    Pinned(Lab lab, Contestant contestant) {
        this.lab = lab;
        this.contestant = contestant;
    }

    @Override
    public void prepare() {
        contestant.prepare();
    }

    @Override
    public double measure(Duration window) {
        try (Connection session = lab.connectJdbc();
                Statement statement = session.createStatement()) {
            session.setAutoCommit(false);
            session.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            statement.execute("SELECT pg_current_xact_id()");
            return contestant.measure(window);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        contestant.close();
    }
}
