package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.r2dbc.connection.R2dbcTransactionManager;
import org.springframework.r2dbc.connection.TransactionAwareConnectionFactoryProxy;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.reactive.TransactionalOperator;
import org.springframework.transaction.support.DefaultTransactionDefinition;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** The publisher within transactions of Spring, and outside. Polls once an hour: what arrives was told. On H2. */
class TransactionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database = h2();
    private final TransactionalOperator spring = operator(database, TransactionDefinition.PROPAGATION_REQUIRED);
    private final R2dbcEventChannel events = channel(database);
    private final EventPublisher publisher = new JoiningPublisher(events, new SpringTransactions());

    TransactionsTest() {
        EventSchema.of(events).migrate().block(LIMIT);
    }

    private static ConnectionFactory h2() {
        return ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");
    }

    private static R2dbcEventChannel channel(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .pollInterval(Duration.ofHours(1))
                .shutdownTimeout(Duration.ofSeconds(1))
                .build();
    }

    private static TransactionalOperator operator(ConnectionFactory database, int propagation) {
        return TransactionalOperator.create(
                new R2dbcTransactionManager(database), new DefaultTransactionDefinition(propagation));
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
    }

    private long stored() {
        return events.inspect().counts("orders").block(LIMIT).ready().atLeast();
    }

    private static <T> Mono<T> failing(Mono<T> work) {
        return work.then(Mono.error(new IllegalStateException("no funds")));
    }

    @Test
    void subscribersAreWokenByTheCommit() {
        Sinks.Empty<Void> looked = Sinks.empty();
        Mono<EventMessage> received = events.subscribe(
                        "orders", SubscribeOptions.defaults().withOnReady(looked::tryEmitEmpty))
                .next()
                .cache();
        received.subscribe();
        looked.asMono().block(LIMIT);
        spring.transactional(publisher.publish("orders", 42)).block(LIMIT);
        EventMessage message = received.block(LIMIT);
        assertThat(message.payloadAs(Integer.class)).isEqualTo(42);
        message.ack().block(LIMIT);
    }

    @Test
    void allWaysToPublishAreRolledBack() {
        List<Event> batch = List.of(Event.of("orders", 1), Event.of("orders", 2));
        Mono<Void> all = publisher
                .publish("orders", 0)
                .then(publisher.publishAll(batch))
                .thenMany(publisher.publishAll(Flux.fromIterable(batch)))
                .then();
        assertThatThrownBy(() -> spring.transactional(failing(all)).block(LIMIT))
                .hasMessage("no funds");
        assertThat(stored()).isZero();
        spring.transactional(all).block(LIMIT);
        assertThat(stored()).isEqualTo(5);
    }

    @Test
    void whatWasRolledBackCanBePublishedAgainByTheSameMono() {
        Mono<String> order = publisher.publish("orders", 42);
        assertThatThrownBy(() -> spring.transactional(failing(order)).block(LIMIT))
                .hasMessage("no funds");
        String id = spring.transactional(order).block(LIMIT);
        assertThat(spring.transactional(order).block(LIMIT)).isEqualTo(id);
        assertThat(stored()).isEqualTo(1);
    }

    @Test
    void withoutATransactionItIsTheChannel() {
        publisher.publish("orders", 1).block(LIMIT);
        operator(database, TransactionDefinition.PROPAGATION_SUPPORTS)
                .transactional(publisher.publish("orders", 2))
                .block(LIMIT);
        assertThat(stored()).isEqualTo(2);
    }

    @Test
    void theChannelItselfJoinsNothing() {
        assertThatThrownBy(() -> spring.transactional(failing(events.publish("orders", 42)))
                        .block(LIMIT))
                .hasMessage("no funds");
        assertThat(stored()).isEqualTo(1);
    }

    @Test
    void aChannelOnAProxyJoinsTheTransactionOfWhatIsBeneath() {
        R2dbcEventChannel proxied = channel(new TransactionAwareConnectionFactoryProxy(database));
        EventPublisher itsPublisher = new JoiningPublisher(proxied, new SpringTransactions());
        assertThatThrownBy(() -> spring.transactional(failing(itsPublisher.publish("orders", 42)))
                        .block(LIMIT))
                .hasMessage("no funds");
        assertThat(stored()).isZero();
        proxied.shutdown().block(LIMIT);
    }

    @Test
    void aTransactionOfAnotherDatabaseIsRefused() {
        TransactionalOperator other = operator(h2(), TransactionDefinition.PROPAGATION_REQUIRED);
        assertThatThrownBy(() ->
                        other.transactional(publisher.publish("orders", 42)).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("same ConnectionFactory");
        assertThat(stored()).isZero();
    }

    @Test
    void aBroadcastIsRefusedInTransactionsOnly() {
        ConnectionFactory postgres = ConnectionFactories.get(PostgresServer.url());
        R2dbcEventChannel live = R2dbcEventChannel.builder(postgres)
                .backend(BackendType.LISTEN_NOTIFY)
                .shutdownTimeout(Duration.ofSeconds(1))
                .build();
        EventPublisher itsPublisher = new JoiningPublisher(live, new SpringTransactions());
        assertThat(itsPublisher.publish("orders", 42).block(LIMIT)).isNotNull();
        assertThatThrownBy(() -> operator(postgres, TransactionDefinition.PROPAGATION_REQUIRED)
                        .transactional(itsPublisher.publish("orders", 42))
                        .block(LIMIT))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("LISTEN_NOTIFY");
        live.shutdown().block(LIMIT);
    }
}
