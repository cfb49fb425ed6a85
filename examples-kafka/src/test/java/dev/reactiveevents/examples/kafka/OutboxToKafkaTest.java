package dev.reactiveevents.examples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

@ResourceLock(Resources.SYSTEM_OUT)
class OutboxToKafkaTest {

    @Test
    void itRunsAndEnds() {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            OutboxToKafka.main(new String[0]);
        } finally {
            System.setOut(before);
        }
        String told = printed.toString(StandardCharsets.UTF_8);
        assertThat(told.lines().filter(line -> line.startsWith("in Kafka: "))).hasSize(5);
        assertThat(told).contains("order 4 rolled back: no funds", "Relay: 5 confirmed, 5 acked.");
        assertThat(told).doesNotContain("{\"number\":4");
    }
}
