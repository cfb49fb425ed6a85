package dev.reactiveevents.spring;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.AmbientTransactions;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Wrapped;
import org.jspecify.annotations.Nullable;
import org.springframework.r2dbc.connection.ConnectionHolder;
import org.springframework.transaction.NoTransactionException;
import org.springframework.transaction.reactive.TransactionSynchronization;
import org.springframework.transaction.reactive.TransactionSynchronizationManager;
import reactor.core.publisher.Mono;

/** The transactions of Spring's {@code R2dbcTransactionManager}: those of {@code @Transactional} and of its operator. */
final class SpringTransactions implements AmbientTransactions {

    /** {@return whether there is a transaction around the subscriber, of whatever database} */
    Mono<Boolean> areActive() {
        return TransactionSynchronizationManager.forCurrentTransaction()
                .map(TransactionSynchronizationManager::isActualTransactionActive)
                .onErrorReturn(NoTransactionException.class, false);
    }

    @Override
    public Mono<Transaction> current(ConnectionFactory database) {
        return TransactionSynchronizationManager.forCurrentTransaction().map(spring -> {
            ConnectionHolder holder = holder(spring, database);
            if (holder == null) {
                throw new EventException.Misconfigured(
                        "An event was to be published in a transaction that is not one of the channel's database; give the"
                                + " transaction manager the same ConnectionFactory as the channel, or publish on"
                                + " EventChannel, which takes part in no transaction.",
                        null);
            }
            return new SpringTransaction(spring, holder.getConnection());
        });
    }

    /** Whoever began the transaction may have had the factory, or what it wraps: a pool, a proxy that knows of transactions. */
    private static @Nullable ConnectionHolder holder(
            TransactionSynchronizationManager spring, ConnectionFactory database) {
        Object factory = database;
        while (true) {
            if (spring.getResource(factory) instanceof ConnectionHolder holder
                    && !holder.getConnection().isAutoCommit()) {
                return holder;
            } else if (factory instanceof Wrapped<?> wrapper) {
                factory = wrapper.unwrap();
            } else {
                return null;
            }
        }
    }

    private record SpringTransaction(TransactionSynchronizationManager spring, Connection connection)
            implements Transaction {

        @Override
        public void afterCommit(Runnable action) {
            spring.registerSynchronization(new TransactionSynchronization() {
                @Override
                public Mono<Void> afterCommit() {
                    return Mono.fromRunnable(action);
                }
            });
        }
    }
}
