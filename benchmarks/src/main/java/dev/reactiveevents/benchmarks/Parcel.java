package dev.reactiveevents.benchmarks;

import java.time.Instant;
import tools.jackson.databind.json.JsonMapper;

/**
 * What is sent from one process to another.
 *
 * @param sentAt when, in microseconds by the machine's clock, which both processes read
 */
record Parcel(long sentAt, int number, String customer, String note) {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    static Parcel number(int number) {
        return new Parcel(now(), number, "anna", "x".repeat(60));
    }

    static Parcel read(String json) {
        return MAPPER.readValue(json, Parcel.class);
    }

    String json() {
        return MAPPER.writeValueAsString(this);
    }

    double millisOnItsWay() {
        return (now() - sentAt) / 1e3;
    }

    private static long now() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
    }
}
