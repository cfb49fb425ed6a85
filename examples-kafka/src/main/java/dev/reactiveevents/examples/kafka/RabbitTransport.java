package dev.reactiveevents.examples.kafka;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ShutdownSignalException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.relay.EventTransport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Sends events to an exchange of RabbitMQ, with publisher confirms: the type is the routing key, the event's id the message id.
 * What no queue takes is a failure, not a success. On a channel of its own; when that is closed, what is open fails, and so does
 * what comes later.
 */
final class RabbitTransport implements EventTransport {

    /** What waits for its confirmation, and whether it was returned before it came. */
    private static final class Open {
        private final String eventId;
        private final MonoSink<Void> sink;
        private volatile boolean returned;

        Open(String eventId, MonoSink<Void> sink) {
            this.eventId = eventId;
            this.sink = sink;
        }
    }

    private final Channel channel;
    private final String exchange;
    private final NavigableMap<Long, Open> open = new ConcurrentSkipListMap<>();

    RabbitTransport(Channel channel, String exchange) throws IOException {
        this.channel = channel;
        this.exchange = exchange;
        channel.confirmSelect();
        channel.addConfirmListener(
                (sequence, multiple) -> settle(sequence, multiple, RabbitTransport::confirmed),
                (sequence, multiple) -> settle(
                        sequence,
                        multiple,
                        entry -> entry.sink.error(new IllegalStateException(
                                "RabbitMQ did not take event " + entry.eventId + "; it is sent again."))));
        channel.addReturnListener(returned -> open.values().stream()
                .filter(entry -> entry.eventId.equals(returned.getProperties().getMessageId()))
                .forEach(entry -> entry.returned = true));
        channel.addShutdownListener(this::failAll);
    }

    private static void confirmed(Open entry) {
        if (entry.returned) {
            entry.sink.error(new IllegalStateException("No queue of RabbitMQ takes event " + entry.eventId
                    + "; bind one to the exchange, it is sent again."));
        } else {
            entry.sink.success();
        }
    }

    private void settle(long sequence, boolean multiple, Consumer<Open> outcome) {
        if (!multiple) {
            take(sequence, outcome);
            return;
        }
        List<Long> confirmed = new ArrayList<>(open.headMap(sequence, true).keySet());
        confirmed.forEach(each -> take(each, outcome));
    }

    private void take(long sequence, Consumer<Open> outcome) {
        Open entry = open.remove(sequence);
        if (entry != null) {
            outcome.accept(entry);
        }
    }

    private void failAll(ShutdownSignalException cause) {
        open.keySet().forEach(sequence -> take(sequence, entry -> entry.sink.error(cause)));
    }

    /** Called by the relay where blocking is allowed. A channel is for one thread at a time. */
    @Override
    public Mono<Void> send(EventMessage message) {
        return Mono.create(sink -> {
            synchronized (channel) {
                publish(message, new Open(message.eventId(), sink));
            }
        });
    }

    private void publish(EventMessage message, Open entry) {
        long sequence = channel.getNextPublishSeqNo();
        open.put(sequence, entry);
        try {
            channel.basicPublish(exchange, routingKey(message), true, properties(message), payload(message));
        } catch (IOException | ShutdownSignalException failure) {
            take(sequence, failed -> failed.sink.error(failure));
        }
    }

    private static String routingKey(EventMessage message) {
        return message.type() == null ? message.channel() : message.type();
    }

    private static AMQP.BasicProperties properties(EventMessage message) {
        return new AMQP.BasicProperties.Builder()
                .messageId(message.eventId())
                .type(message.type())
                .timestamp(Date.from(message.publishedAt()))
                .contentType("application/json")
                .deliveryMode(2) // kept on disk
                .build();
    }

    private static byte[] payload(EventMessage message) {
        return message.payloadText().getBytes(StandardCharsets.UTF_8);
    }
}
