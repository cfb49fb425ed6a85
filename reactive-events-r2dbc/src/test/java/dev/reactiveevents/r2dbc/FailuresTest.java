package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.PostgresDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.netty.channel.ChannelException;
import io.netty.handler.timeout.ReadTimeoutException;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.R2dbcTimeoutException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.nio.channels.ClosedChannelException;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Publisher;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;
import reactor.netty.channel.AbortedException;
import reactor.pool.PoolAcquirePendingLimitException;
import reactor.pool.PoolAcquireTimeoutException;
import reactor.pool.PoolShutdownException;

class FailuresTest {

    private final Failures failures = new Failures(new PostgresDialect(), new QueueTable(null, "queue"));

    static Stream<Throwable> lostConnections() {
        return Stream.of(
                new ConnectException("refused"),
                new ClosedChannelException(),
                new UncheckedIOException(new ClosedChannelException()),
                Exceptions.propagate(new ClosedChannelException()),
                new ChannelException("broken"),
                ReadTimeoutException.INSTANCE,
                new AbortedException("Connection has been closed"),
                new TimeoutException("no answer"),
                new R2dbcTimeoutException("no connection in time"),
                new PoolAcquireTimeoutException(Duration.ofSeconds(1)),
                new PoolAcquirePendingLimitException(1),
                new PoolShutdownException(),
                new RejectedExecutionException("event executor terminated"),
                new CancellationException("disconnected"),
                new IllegalStateException("The connection is closed"));
    }

    @ParameterizedTest
    @MethodSource("lostConnections")
    void aConnectionThatIsLostOrNotHadMayComeBack(Throwable lost) {
        assertThat(failures.ofUndone("Storing", lost)).isInstanceOf(EventException.Unavailable.class);
        assertThat(failures.ofCommit("Storing", lost)).isInstanceOf(EventException.OutcomeUnknown.class);
    }

    static Stream<Throwable> mistakes() {
        return Stream.of(
                new NullPointerException("driver"),
                new IllegalArgumentException("no such type"),
                new DateTimeException("out of range"),
                new RuntimeException(new ClassCastException("no array")),
                new NoClassDefFoundError("driver/Codec"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeInAProgramIsCalledOneAndWhatItsCommitDidIsNotGuessed(Throwable mistake) {
        assertThat(failures.ofUndone("Storing", mistake))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("Storing", "PostgreSQL", "a mistake in this process", mistake.toString())
                .hasCause(mistake);
        assertThat(failures.ofCommit("Storing", mistake))
                .isInstanceOf(EventException.OutcomeUnknown.class)
                .hasMessageContainingAll("a mistake in this process", "It may have been done")
                .hasCause(mistake);
    }

    @Test
    void aSubscriptionDoesNotTryForEverWhatIsAMistake() {
        R2dbcEventChannel events = R2dbcEventChannel.create(failingBy(new NullPointerException("factory")));

        assertThat(events.subscribe("orders").materialize().blockFirst(Duration.ofSeconds(30)))
                .satisfies(signal -> assertThat(signal.getThrowable())
                        .isInstanceOf(EventException.Misconfigured.class)
                        .hasRootCauseMessage("factory"));
    }

    private static ConnectionFactory failingBy(Throwable failure) {
        return new ConnectionFactory() {
            @Override
            public Publisher<? extends Connection> create() {
                return Mono.error(failure);
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return () -> "H2";
            }
        };
    }
}
