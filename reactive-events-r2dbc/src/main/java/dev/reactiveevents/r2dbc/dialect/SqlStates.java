package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import io.r2dbc.spi.R2dbcTimeoutException;

/** The meaning of errors by the standard's classes of SQLSTATE, where databases agree. */
final class SqlStates {

    private SqlStates() {}

    static Failure classify(R2dbcException failure) {
        String state = failure.getSqlState();
        if (state == null || state.length() != 5) {
            return unanswered(failure) ? Failure.DISCONNECTED : Failure.REFUSED;
        }
        return switch (state.substring(0, 2)) {
            case "08" -> Failure.DISCONNECTED;
            case "22", "23" -> Failure.DATA;
            case "28" -> Failure.ACCESS;
            case "40" -> Failure.CONFLICT;
            default -> Failure.REFUSED;
        };
    }

    private static boolean unanswered(R2dbcException failure) {
        return failure instanceof R2dbcNonTransientResourceException || failure instanceof R2dbcTimeoutException;
    }

    static String of(R2dbcException failure) {
        String state = failure.getSqlState();
        return state == null ? "" : state;
    }
}
