package dev.reactiveevents.engine;

/** Why an event failed, as it is kept with it. */
final class Reasons {

    private static final int LONGEST = 4_000;
    private static final int DEEPEST = 5;

    private Reasons() {}

    /** The error and what caused it, in one line. Not its stack, which is for the log. */
    static String of(Throwable failure) {
        StringBuilder reason = new StringBuilder(told(failure));
        Throwable cause = failure.getCause();
        for (int depth = 1; cause != null && depth < DEEPEST; depth++) {
            reason.append("; caused by ").append(told(cause));
            cause = cause.getCause();
        }
        return storable(reason.toString());
    }

    /** An error of the user's may fail to say what it is. */
    private static String told(Throwable failure) {
        try {
            return failure.toString();
        } catch (RuntimeException silent) {
            return failure.getClass().getName();
        }
    }

    /** No database takes U+0000 in a text, and none is to be filled by a reason. */
    static String storable(String reason) {
        String clean = reason.replace('\0', '\uFFFD');
        return clean.length() <= LONGEST ? clean : clean.substring(0, LONGEST - 1) + '…';
    }
}
