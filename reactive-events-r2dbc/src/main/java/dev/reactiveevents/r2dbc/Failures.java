package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.R2dbcException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Turns what a driver reports into what a caller can do about it. */
final class Failures {

    private static final Pattern TRANSPORTS = Pattern.compile("io\\.netty\\.|reactor\\.(netty|pool)\\.");

    private final Dialect dialect;
    private final String place;
    private final String grant;
    private final String again;

    Failures(Dialect dialect, QueueTable table) {
        this(dialect, "the table " + table + " or its like", dialect.grant(table), "Trying again is safe.");
    }

    /**
     * Those of a store that is not only a table.
     *
     * @param place what may be missing
     * @param grant what to run for a user who may not use it
     * @param again whether what may have been done can be tried again
     */
    Failures(Dialect dialect, String place, String grant, String again) {
        this.dialect = dialect;
        this.place = place;
        this.grant = grant;
        this.again = again;
    }

    /** What is said where nothing is tried again. */
    static Throwable outcome(Throwable told) {
        return told instanceof Conflict conflict ? conflict.outcome() : told;
    }

    /** What two transactions do to each other: it is undone, and worth doing again at once. */
    static final class Conflict extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient EventException outcome;

        Conflict(EventException outcome, Throwable cause) {
            super(outcome.getMessage(), cause, false, false);
            this.outcome = outcome;
        }

        EventException outcome() {
            return outcome;
        }
    }

    /** No connection was had, or a transaction failed before its commit: nothing can have come of it. */
    Throwable ofUndone(String attempted, Throwable failure) {
        return translate(attempted, failure, false);
    }

    /** Whether the connection is gone, and with it what was open on it. */
    boolean isLost(Throwable failure) {
        R2dbcException told = toldBy(failure);
        return told == null ? !isMistake(failure) : dialect.classify(told) == Failure.DISCONNECTED;
    }

    /** What failed was a commit: if the connection broke, it may have been done. */
    Throwable ofCommit(String attempted, Throwable failure) {
        return translate(attempted, failure, true);
    }

    private Throwable translate(String attempted, Throwable failure, boolean committing) {
        if (failure instanceof EventException || failure instanceof Conflict) {
            return failure;
        }
        R2dbcException told = toldBy(failure);
        if (told == null && isMistake(failure)) {
            return mistake(attempted, failure, committing);
        }
        Failure meaning = told == null ? Failure.DISCONNECTED : dialect.classify(told);
        String where = " on " + dialect.name() + " failed" + state(told) + ": ";
        return switch (meaning) {
            case CONFLICT ->
                new Conflict(
                        new EventException.Unavailable(
                                attempted + where
                                        + "others were in its way again and again. Nothing was changed; try again.",
                                failure),
                        failure);
            case DATA ->
                new EventException.Invalid(
                        attempted + where + "the database refuses the values. Nothing was changed; correct them.",
                        failure);
            case MISSING ->
                new EventException.Misconfigured(
                        attempted + where + place + " is missing or too old; run"
                                + " EventSchema.of(channel).migrate().",
                        failure);
            case FORBIDDEN ->
                new EventException.Misconfigured(
                        attempted + where + "the user may not do this; run " + grant + ", and"
                                + " EventSchema.of(channel).migrate() as a user who may create tables.",
                        failure);
            case ACCESS ->
                new EventException.Misconfigured(
                        attempted + where
                                + "the database does not let this user in, or is not there; check user, password and"
                                + " database name.",
                        failure);
            case DISCONNECTED ->
                committing
                        ? new EventException.OutcomeUnknown(
                                attempted + where
                                        + "the connection was lost before the answer came, so that it may have been"
                                        + " done. " + again,
                                failure)
                        : new EventException.Unavailable(
                                attempted + where
                                        + "there was no connection. Nothing was changed; see that the database runs"
                                        + " and that the pool has room, and try again.",
                                failure);
            case REFUSED ->
                new EventException.Unavailable(
                        attempted + where + "the database could not. Nothing was changed; try again.", failure);
        };
    }

    /** Trying again would make it again, so that it must not look like an outage. */
    private EventException mistake(String attempted, Throwable failure, boolean committing) {
        String what = attempted + " on " + dialect.name()
                + " failed by a mistake in this process, in the connection factory, its driver or this library, not in"
                + " the database: " + failure + ". ";
        return committing
                ? new EventException.OutcomeUnknown(
                        what + "It may have been done. " + again + " But look at the cause first.", failure)
                : new EventException.Misconfigured(
                        what + "Nothing was changed; look at the cause, trying again will not help.", failure);
    }

    /**
     * Transports and pools have exceptions of many kinds for a connection that is not there: what is not certainly a mistake
     * counts as one of them.
     */
    private static boolean isMistake(Throwable failure) {
        Throwable cause = failure;
        while (cause != null
                && (cause instanceof RuntimeException || cause instanceof Error)
                && !isOfConnections(cause)) {
            cause = cause.getCause();
        }
        return cause == null;
    }

    /** By their packages, because this module knows neither netty nor pools. */
    private static boolean isOfConnections(Throwable cause) {
        return cause instanceof IllegalStateException
                || cause instanceof RejectedExecutionException
                || cause instanceof CancellationException
                || TRANSPORTS.matcher(cause.getClass().getName()).lookingAt();
    }

    private static @Nullable R2dbcException toldBy(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof R2dbcException)) {
            cause = cause.getCause();
        }
        return (R2dbcException) cause;
    }

    private static String state(@Nullable R2dbcException told) {
        return told == null || told.getSqlState() == null ? "" : " with SQLSTATE " + told.getSqlState();
    }
}
