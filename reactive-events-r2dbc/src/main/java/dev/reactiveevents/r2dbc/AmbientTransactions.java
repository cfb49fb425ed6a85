package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import reactor.core.publisher.Mono;

/** Where a framework keeps the transaction that is around whoever subscribes, for {@link R2dbcEventChannel#joining}. */
@FunctionalInterface
public interface AmbientTransactions {

    /**
     * The transaction around the subscriber, as its Reactor Context tells. Asked at each subscription of a publish.
     *
     * @param database what the channel was built with; the transaction is to be one of this database
     * @return the transaction; fails if there is none
     */
    Mono<Transaction> current(ConnectionFactory database);

    /** A transaction that somebody else has begun and will end. */
    interface Transaction {

        /** {@return its connection, which nobody here closes} */
        Connection connection();

        /**
         * Has something done once the transaction has committed, and nothing if it is rolled back.
         *
         * @param action does not block and does not fail
         */
        void afterCommit(Runnable action);
    }
}
