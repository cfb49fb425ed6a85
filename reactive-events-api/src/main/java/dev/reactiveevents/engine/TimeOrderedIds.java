package dev.reactiveevents.engine;

import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * UUIDs of version 7 (RFC 9562, section 5.7), from a source that never blocks: {@code UUID.randomUUID()} reads the entropy
 * file. The 74 random bits are unique, not secret.
 */
final class TimeOrderedIds {

    /** Tells apart processes whose generators were seeded in the same nanosecond. */
    private static final long PROCESS = ProcessHandle.current().pid() * 0x9E37_79B9_7F4A_7C15L
            ^ Long.rotateLeft(System.getenv().hashCode(), 32)
            ^ System.nanoTime();

    private TimeOrderedIds() {}

    static UUID next() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long time = System.currentTimeMillis() << 16;
        long high = time | 0x7000L | random.nextInt(0x1000);
        long low = (random.nextLong() ^ PROCESS) & 0x3FFF_FFFF_FFFF_FFFFL | 0x8000_0000_0000_0000L;
        return new UUID(high, low);
    }
}
