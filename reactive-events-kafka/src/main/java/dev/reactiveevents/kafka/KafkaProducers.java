package dev.reactiveevents.kafka;

import dev.reactiveevents.EventException;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringSerializer;

/** Producers that lose nothing. */
public final class KafkaProducers {

    private KafkaProducers() {}

    /**
     * A producer of strings that confirms what all replicas in sync have, and neither repeats nor reorders what it tries again.
     * It sends at once: batches are what is handed over while others are under way.
     *
     * @param bootstrapServers host and port of brokers, separated by commas
     * @return the producer; the caller closes it
     */
    public static KafkaProducer<String, String> of(String bootstrapServers) {
        return of(Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers));
    }

    /**
     * The same with settings of the caller's, {@code bootstrap.servers} among them, which win over ours.
     *
     * @param settings settings of the producer
     * @return the producer; the caller closes it
     * @throws EventException.Invalid if {@code acks} is not {@code all}, or {@code enable.idempotence} not {@code true}
     */
    public static KafkaProducer<String, String> of(Map<String, ?> settings) {
        Map<String, Object> all = new HashMap<>();
        all.put(ProducerConfig.ACKS_CONFIG, "all");
        all.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        all.put(ProducerConfig.LINGER_MS_CONFIG, "0");
        all.putAll(KafkaSender.requireGiven("map of settings", settings));
        requireSafe(all, ProducerConfig.ACKS_CONFIG, "all", "-1");
        requireSafe(all, ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true", "true");
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    private static void requireSafe(Map<String, Object> settings, String name, String safe, String same) {
        String given = String.valueOf(settings.get(name));
        if (!given.equals(safe) && !given.equals(same)) {
            throw new EventException.Invalid("The setting " + name + " of a producer was " + given
                    + ", with which confirmed events can be lost or come out of order; leave it out, or make a KafkaProducer"
                    + " of your own if that is meant.");
        }
    }
}
