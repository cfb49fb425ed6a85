package dev.reactiveevents.r2dbc;

import java.util.stream.IntStream;

/** How often a test of endurance runs: twice in each build, twenty times under {@code -Psoak}. */
final class Rounds {

    static final int COUNT = Boolean.getBoolean("reactiveevents.soak") ? 20 : 2;

    private Rounds() {}

    static IntStream all() {
        return IntStream.rangeClosed(1, COUNT);
    }
}
