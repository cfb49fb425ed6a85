package dev.reactiveevents.kafka;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.relay.Confirmation;
import dev.reactiveevents.relay.EventTransport;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Sends events to Kafka. The producer belongs to the caller, who closes it; {@link KafkaProducers} makes one that loses nothing.
 * It sends in batches by itself: what is handed over together leaves together.
 *
 * <p>A record that Kafka will never take, because it is too large or cannot be serialised, or because the topic's name is not
 * valid, is an {@link EventException.Invalid}. Whatever else fails, an authorisation that is missing too, may be mended and is
 * tried again.
 *
 * @param <K> the records' keys
 * @param <V> the records' values
 */
public final class KafkaTransport<K, V> implements EventTransport {

    private final Producer<K, V> producer;
    private final Function<? super EventMessage, ProducerRecord<K, V>> records;

    private KafkaTransport(Producer<K, V> producer, Function<? super EventMessage, ProducerRecord<K, V>> records) {
        this.producer = KafkaSender.requireGiven("producer", producer);
        this.records = KafkaSender.requireGiven("function from an event to its record", records);
    }

    /**
     * Sends each event as {@link KafkaRecords#of} writes it.
     *
     * @param producer where to
     * @param topic the topic
     * @return the transport
     */
    public static KafkaTransport<String, String> of(Producer<String, String> producer, String topic) {
        KafkaSender.requireGiven("topic", topic);
        return new KafkaTransport<>(producer, message -> KafkaRecords.of(topic, message));
    }

    /**
     * Sends records of the caller's making.
     *
     * @param producer where to
     * @param records from an event to its record, which should carry the event's id; must not block. To throw is to fail this
     *     event
     * @param <K> the records' keys
     * @param <V> the records' values
     * @return the transport
     */
    public static <K, V> KafkaTransport<K, V> of(
            Producer<K, V> producer, Function<? super EventMessage, ProducerRecord<K, V>> records) {
        return new KafkaTransport<>(producer, records);
    }

    /**
     * Sends one event. The producer is called where blocking is allowed: it waits for its first word from the broker, and for
     * room in its buffer.
     */
    @Override
    public Mono<Void> send(EventMessage message) {
        return sendAll(List.of(message))
                .single()
                .flatMap(confirmation ->
                        confirmation.failure() == null ? Mono.<Void>empty() : Mono.error(confirmation.failure()))
                .subscribeOn(Schedulers.boundedElastic());
    }

    @Override
    public Flux<Confirmation> sendAll(List<EventMessage> messages) {
        return Flux.create(sink -> {
            AtomicInteger open = new AtomicInteger(messages.size());
            messages.forEach(message -> send(message, failure -> confirm(message, failure, sink, open)));
        });
    }

    private static void confirm(
            EventMessage message, @Nullable Throwable failure, FluxSink<Confirmation> sink, AtomicInteger open) {
        sink.next(failure == null ? Confirmation.of(message) : Confirmation.failed(message, told(message, failure)));
        if (open.decrementAndGet() == 0) {
            sink.complete();
        }
    }

    /** What a producer throws, it has not sent, and does not call back for. */
    private void send(EventMessage message, Outcome outcome) {
        try {
            KafkaSender.handOver(producer, records.apply(message), (metadata, failure) -> outcome.is(failure));
        } catch (RuntimeException thrown) {
            outcome.is(thrown);
        }
    }

    private interface Outcome {
        void is(@Nullable Throwable failure);
    }

    private static Throwable told(EventMessage message, Throwable failure) {
        boolean isFinal = failure instanceof RecordTooLargeException
                || failure instanceof RecordBatchTooLargeException
                || failure instanceof SerializationException
                || failure instanceof InvalidTopicException;
        return isFinal
                ? new EventException.Invalid(
                        "Event " + message.eventId() + " cannot be sent to Kafka: " + failure.getMessage()
                                + " It will not be tried again.",
                        failure)
                : failure;
    }
}
