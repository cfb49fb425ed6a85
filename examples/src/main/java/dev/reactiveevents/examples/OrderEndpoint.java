package dev.reactiveevents.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.blocking.BlockingEventChannel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * An HTTP endpoint as a servlet has it, a thread for each request: {@code init}, a method that answers a request,
 * {@code destroy}. On the server of the JDK, so that it runs here without a container.
 */
final class OrderEndpoint implements HttpHandler {

    private final BlockingEventChannel events;
    private final Queue<String> shipped = new ConcurrentLinkedQueue<>();
    private String shipping = "";

    OrderEndpoint(BlockingEventChannel events) {
        this.events = events;
    }

    void init() {
        shipping = events.listen("orders", this::ship, ListenOptions.defaults().withConcurrency(4))
                .id();
    }

    @Override
    public void handle(HttpExchange request) throws IOException {
        String order = new String(request.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        try {
            Event event = Event.of("orders", order).withDeduplicationKey(order); // so that the client may ask again
            answer(request, 202, events.publish(event)); // the order is stored when the client reads this
        } catch (EventException.Invalid invalid) {
            answer(request, 400, invalid.getMessage());
        } catch (EventException unavailable) {
            answer(request, 503, unavailable.getMessage());
        }
    }

    /** Returns: the event is acknowledged. Throws: it comes again. May block: the thread is the handler's own. */
    private void ship(EventMessage message) {
        shipped.add(message.payloadAs(String.class));
    }

    void destroy() {
        events.stopListener(shipping);
    }

    Queue<String> shipped() {
        return shipped;
    }

    private static void answer(HttpExchange request, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        request.sendResponseHeaders(status, bytes.length);
        request.getResponseBody().write(bytes);
        request.close();
    }
}
