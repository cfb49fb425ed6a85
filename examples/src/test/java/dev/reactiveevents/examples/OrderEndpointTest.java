package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The servlet-style example of docs/blocking.md, asked over HTTP. */
class OrderEndpointTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    @Timeout(60)
    void anOrderIsStoredOnceAndShipped() throws Exception {
        R2dbcEventChannel events = R2dbcEventChannel.builder(
                        ConnectionFactories.get("r2dbc:h2:mem:///endpoint?options=DB_CLOSE_DELAY=-1"))
                .build();
        EventSchema.of(events).migrate().block(LIMIT);
        ExecutorService requests = Executors.newFixedThreadPool(4);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        try (BlockingEventChannel blocking = BlockingEventChannel.of(events)) {
            OrderEndpoint endpoint = new OrderEndpoint(blocking);
            endpoint.init();
            server.createContext("/orders", endpoint);
            server.setExecutor(requests);
            server.start();

            HttpResponse<String> first = post(server, "42 for anna");
            HttpResponse<String> again = post(server, "42 for anna");

            assertThat(first.statusCode()).isEqualTo(202);
            assertThat(UUID.fromString(first.body())).isNotNull();
            assertThat(again.body()).isEqualTo(first.body());
            while (endpoint.shipped().isEmpty()) {
                Thread.onSpinWait();
            }
            endpoint.destroy();
            assertThat(endpoint.shipped()).containsExactly("42 for anna");
        } finally {
            server.stop(0);
            requests.shutdown();
            events.shutdown().block(LIMIT);
        }
    }

    private static HttpResponse<String> post(HttpServer server, String order) throws Exception {
        URI uri = URI.create("http://localhost:" + server.getAddress().getPort() + "/orders");
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(uri)
                                .POST(HttpRequest.BodyPublishers.ofString(order))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }
}
