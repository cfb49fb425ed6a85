package dev.reactiveevents.kafka;

import dev.reactiveevents.EventException;
import dev.reactiveevents.pipeline.Correlated;
import java.util.function.Function;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Schedulers;

/**
 * Sends records by a plain producer, which stays the caller's. The producer is called where blocking is allowed: it waits for
 * its first word from the broker, and for room in its buffer.
 *
 * @param <K> the records' keys
 * @param <V> the records' values
 */
public final class KafkaSender<K, V> {

    private final Producer<K, V> producer;

    private KafkaSender(Producer<K, V> producer) {
        this.producer = requireGiven("producer", producer);
    }

    /**
     * A sender.
     *
     * @param producer where to
     * @param <K> the records' keys
     * @param <V> the records' values
     * @return the sender
     */
    public static <K, V> KafkaSender<K, V> of(Producer<K, V> producer) {
        return new KafkaSender<>(producer);
    }

    /**
     * Sends one record.
     *
     * @param record the record
     * @return where it is, once the broker has confirmed it; fails as the producer does. Cold; cancelling does not take back
     *     what was handed to the producer. Several that are subscribed to at the same time are in no order
     */
    public Mono<RecordMetadata> send(ProducerRecord<K, V> record) {
        return handOver(record).subscribeOn(Schedulers.boundedElastic());
    }

    /**
     * A step of a pipeline that sends records in their order and keeps the event with each.
     *
     * @param inFlight how many records at most are handed to the producer and not yet confirmed, at least 1; one more may wait
     *     for its turn
     * @return the step. What had failed before stays failed and is not sent, as is what has no record. A record that is not
     *     confirmed fails its event and no other
     */
    public Function<Flux<Correlated<ProducerRecord<K, V>>>, Flux<Correlated<RecordMetadata>>> sending(int inFlight) {
        if (inFlight < 1) {
            throw new EventException.Invalid(
                    "A sender was to have " + inFlight + " records in flight; give a number of at least 1.");
        }
        return requests -> requests.publishOn(Schedulers.boundedElastic(), 1)
                .flatMap(request -> request.then(this::handOver), inFlight, 1);
    }

    private Mono<RecordMetadata> handOver(ProducerRecord<K, V> record) {
        return Mono.create(sink -> handOver(producer, record, (metadata, failure) -> tell(sink, metadata, failure)));
    }

    /** All that the answer would say comes by the callback. */
    @SuppressWarnings("FutureReturnValueIgnored")
    static <K, V> void handOver(Producer<K, V> producer, ProducerRecord<K, V> record, Callback callback) {
        producer.send(record, callback);
    }

    private static void tell(MonoSink<RecordMetadata> sink, RecordMetadata metadata, @Nullable Exception failure) {
        if (failure == null) {
            sink.success(metadata);
        } else {
            sink.error(failure);
        }
    }

    static <T> T requireGiven(String what, @Nullable T value) {
        if (value == null) {
            throw new EventException.Invalid("The " + what + " for Kafka was null; give one.");
        }
        return value;
    }
}
