package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Batch;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionMetadata;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.Statement;
import io.r2dbc.spi.TransactionDefinition;
import io.r2dbc.spi.ValidationDepth;
import io.r2dbc.spi.Wrapped;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** A connection in the hands of somebody's work: it works while that does, and leaves the end of the transaction to us. */
final class GuardedConnection implements Connection, Wrapped<Connection> {

    private final Connection connection;
    private final String transaction;
    private final String work;
    private final Queue<Runnable> afterCommit = new ConcurrentLinkedQueue<>();
    private volatile boolean over;

    /**
     * A connection to be lent.
     *
     * @param transaction which transaction this is, as messages begin
     * @param work who works with it, for messages
     */
    GuardedConnection(Connection connection, String transaction, String work) {
        this.connection = connection;
        this.transaction = Character.toLowerCase(transaction.charAt(0)) + transaction.substring(1);
        this.work = work;
    }

    /** Remembers what is to be done once the transaction has committed, and otherwise not. */
    void afterCommit(Runnable action) {
        afterCommit.add(action);
    }

    void committed() {
        afterCommit.forEach(Runnable::run);
    }

    /** From now on it does nothing any more: it may belong to others soon. */
    void end() {
        over = true;
    }

    @Override
    public Connection unwrap() {
        return connection;
    }

    private Connection open() {
        if (over) {
            throw new IllegalStateException("The connection of " + transaction + " was used after its " + work
                    + " had ended; use it only within the publisher that the " + work + " returns.");
        }
        return connection;
    }

    // == What is refused ==

    private Mono<Void> refused(String call) {
        return Mono.error(new IllegalStateException("The " + work + " of " + transaction + " called " + call
                + " on its connection, which commits with the event: complete to commit, fail to roll back, use"
                + " savepoints within, or unwrap() the connection if you must."));
    }

    @Override
    public Publisher<Void> beginTransaction() {
        return refused("beginTransaction()");
    }

    @Override
    public Publisher<Void> beginTransaction(TransactionDefinition definition) {
        return refused("beginTransaction(…)");
    }

    @Override
    public Publisher<Void> commitTransaction() {
        return refused("commitTransaction()");
    }

    @Override
    public Publisher<Void> rollbackTransaction() {
        return refused("rollbackTransaction()");
    }

    @Override
    public Publisher<Void> setAutoCommit(boolean autoCommit) {
        return refused("setAutoCommit(" + autoCommit + ")");
    }

    @Override
    public Publisher<Void> setTransactionIsolationLevel(IsolationLevel isolationLevel) {
        return refused("setTransactionIsolationLevel(…)");
    }

    @Override
    public Publisher<Void> close() {
        return refused("close()");
    }

    // == What is passed on ==

    @Override
    public Statement createStatement(String sql) {
        return open().createStatement(sql);
    }

    @Override
    public Batch createBatch() {
        return open().createBatch();
    }

    @Override
    public Publisher<Void> createSavepoint(String name) {
        return open().createSavepoint(name);
    }

    @Override
    public Publisher<Void> releaseSavepoint(String name) {
        return open().releaseSavepoint(name);
    }

    @Override
    public Publisher<Void> rollbackTransactionToSavepoint(String name) {
        return open().rollbackTransactionToSavepoint(name);
    }

    @Override
    public Publisher<Void> setLockWaitTimeout(Duration timeout) {
        return open().setLockWaitTimeout(timeout);
    }

    @Override
    public Publisher<Void> setStatementTimeout(Duration timeout) {
        return open().setStatementTimeout(timeout);
    }

    @Override
    public Publisher<Boolean> validate(ValidationDepth depth) {
        return open().validate(depth);
    }

    @Override
    public boolean isAutoCommit() {
        return open().isAutoCommit();
    }

    @Override
    public IsolationLevel getTransactionIsolationLevel() {
        return open().getTransactionIsolationLevel();
    }

    @Override
    public ConnectionMetadata getMetadata() {
        return connection.getMetadata();
    }
}
