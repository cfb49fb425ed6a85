package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.ConnectionFactories;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.junit.jupiter.api.Test;

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
}
