package dev.reactiveevents.engine;

import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * UUIDs of version 7 (RFC 9562, section 5.7), from a source that never blocks: {@code UUID.randomUUID()} reads the entropy
 * file. The twelve bits after the milliseconds are their fraction (section 6.2, method 3), so that an id tells to a quarter of
 * a microsecond when it was made. The 62 random bits are unique, not secret.
 */
final class TimeOrderedIds {

    /** Tells apart processes whose generators were seeded in the same nanosecond. */
    private static final long PROCESS = ProcessHandle.current().pid() * 0x9E37_79B9_7F4A_7C15L
            ^ Long.rotateLeft(System.getenv().hashCode(), 32)
            ^ System.nanoTime();

    private static final int NANOS_OF_MILLI = 1_000_000;
    private static final int FRACTIONS = 1 << 12;

    private TimeOrderedIds() {}

    static UUID next() {
        Instant now = Instant.now();
        long fraction = (long) (now.getNano() % NANOS_OF_MILLI) * FRACTIONS / NANOS_OF_MILLI;
        long high = now.toEpochMilli() << 16 | 0x7000L | fraction;
        long low = (ThreadLocalRandom.current().nextLong() ^ PROCESS) & 0x3FFF_FFFF_FFFF_FFFFL | 0x8000_0000_0000_0000L;
        return new UUID(high, low);
    }

    /** When the id was made, if it was made here. */
    static Instant timeOf(UUID id) {
        long high = id.getMostSignificantBits();
        long nanos = (high & FRACTIONS - 1) * NANOS_OF_MILLI / FRACTIONS;
        return Instant.ofEpochMilli(high >>> 16).plusNanos(nanos);
    }
}
