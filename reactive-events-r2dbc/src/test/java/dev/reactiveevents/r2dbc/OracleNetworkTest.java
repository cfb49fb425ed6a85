package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.ConnectionFactories;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** Oracle's driver where there is no Oracle: what it reports is an outage. */
class OracleNetworkTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static ServerSocket server() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    private static R2dbcEventChannel channel(int port) {
        return Channels.tableQueue(ConnectionFactories.get(
                        "r2dbc:oracle://app:secret@127.0.0.1:" + port + "/service?connectTimeout=PT2S"))
                .pollInterval(Duration.ofMillis(50))
                .shutdownTimeout(Duration.ofMillis(200))
                .build();
    }

    private static void assertUnavailable(int port) {
        R2dbcEventChannel channel = channel(port);
        assertThatThrownBy(() -> channel.publish("orders", 42).block(LIMIT))
                .isInstanceOf(EventException.Unavailable.class)
                .hasMessageContaining("Oracle");
        channel.shutdown().block(LIMIT);
    }

    @Test
    void aPortWhereNobodyListensIsAnOutage() throws IOException {
        int port;
        try (ServerSocket server = server()) {
            port = server.getLocalPort();
        }
        assertUnavailable(port);
    }

    @Test
    void aServerThatNeverAnswersIsAnOutage() throws IOException {
        try (ServerSocket server = server()) {
            assertUnavailable(server.getLocalPort());
        }
    }

    /** Hangs up on each who connects, and counts them. */
    private static Flux<Integer> hangingUp(ServerSocket server, int bytesReadBefore) {
        return Flux.<Integer>create(sink -> {
                    try {
                        for (int asked = 1; !sink.isCancelled(); asked++) {
                            try (Socket socket = server.accept()) {
                                socket.getInputStream().readNBytes(bytesReadBefore);
                            }
                            sink.next(asked);
                        }
                    } catch (IOException closed) {
                        sink.complete();
                    }
                })
                .subscribeOn(Schedulers.boundedElastic());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 16})
    void aServerThatHangsUpIsAnOutageAndAskedAgain(int bytesReadBefore) throws IOException {
        try (ServerSocket server = server()) {
            Sinks.One<Integer> ended = Sinks.one();
            R2dbcEventChannel channel = channel(server.getLocalPort());
            Mono<Integer> askedThrice = hangingUp(server, bytesReadBefore)
                    .filter(asked -> asked == 3)
                    .next()
                    .or(ended.asMono());
            CompletableFuture<Integer> asked = askedThrice.toFuture();
            Disposable subscription = channel.subscribe("orders").subscribe(message -> {}, ended::tryEmitError);
            assertThat(Mono.fromFuture(asked).block(LIMIT)).isEqualTo(3);
            subscription.dispose();
            channel.shutdown().block(LIMIT);
            assertUnavailable(server.getLocalPort());
        }
    }
}
