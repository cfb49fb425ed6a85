package dev.reactiveevents.engine;

import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Why an event failed, as it is kept with it and logged. An error of the user's may fail to say what it is, in any way. */
final class Reasons {

    private static final int LONGEST = 4_000;
    private static final int DEEPEST = 5;

    private Reasons() {}

    /** The error and what caused it, in one line. Not its stack, which is for the log. */
    static String of(Throwable failure) {
        StringBuilder reason = new StringBuilder();
        Throwable told = failure;
        for (int depth = 0; told != null && depth < DEEPEST; depth++) {
            String text = asked(told, Throwable::toString);
            reason.append(depth == 0 ? "" : "; caused by ")
                    .append(text != null ? text : told.getClass().getName());
            told = asked(told, Throwable::getCause);
        }
        return storable(reason.toString());
    }

    private static <T> @Nullable T asked(Throwable failure, Function<Throwable, @Nullable T> what) {
        try {
            return what.apply(failure);
        } catch (Throwable silent) {
            return null;
        }
    }

    /** Logs an error of the user's; if it keeps the logger from that, what can be said of it. Never throws. */
    static void log(Throwable failure, Consumer<Throwable> logger) {
        try {
            logger.accept(failure);
        } catch (Throwable thrown) {
            asked(failure, unspeakable -> {
                logger.accept(new IllegalStateException(of(unspeakable)));
                return null;
            });
        }
    }

    /** No database takes U+0000 in a text, and none is to be filled by a reason. */
    static String storable(String reason) {
        String clean = reason.replace('\0', '\uFFFD');
        return clean.length() <= LONGEST ? clean : clean.substring(0, LONGEST - 1) + '…';
    }
}
