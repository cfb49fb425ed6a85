package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;

/** The least that a dialect of somebody else needs: here for H2 under another name. Found only by a loader of the tests. */
public final class TinyDialect implements Dialect {

    private final Dialect h2 = new H2Dialect();
    private final UnaryOperator<QueueStatements> change;

    public TinyDialect() {
        this(UnaryOperator.identity());
    }

    TinyDialect(UnaryOperator<QueueStatements> change) {
        this.change = change;
    }

    @Override
    public String name() {
        return "Tiny";
    }

    @Override
    public boolean serves(String product) {
        return product.equals("Tiny");
    }

    @Override
    public boolean blocks() {
        return true;
    }

    @Override
    public List<String> migrations() {
        return h2.migrations();
    }

    @Override
    public Failure classify(R2dbcException failure) {
        return h2.classify(failure);
    }

    @Override
    public Mono<Void> prepareMigration(Connection connection, QueueTable table) {
        return h2.prepareMigration(connection, table);
    }

    @Override
    public QueueStatements statements(QueueTable table, Duration retention) {
        return change.apply(h2.statements(table, retention));
    }
}
