package dev.reactiveevents;

import org.jspecify.annotations.Nullable;

/**
 * What went wrong, classified by what the caller can do about it. Messages are sentences: what was attempted, with which
 * value, and what to do.
 */
public abstract class EventException extends RuntimeException {

    private EventException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /**
     * The same kind of failure, with a sentence more.
     *
     * @param sentence what else is to be known
     * @return a new exception
     */
    public abstract EventException withDetail(String sentence);

    /** The input is wrong: correct it. Nothing was stored or changed. */
    public static final class Invalid extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was attempted, with which value, what to do
         */
        public Invalid(String message) {
            super(message, null);
        }

        /**
         * Creates the exception.
         *
         * @param message what was attempted, with which value, what to do
         * @param cause what the input led to
         */
        public Invalid(String message, Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Invalid(getMessage() + " " + sentence, this);
        }
    }

    /** The backend cannot do this: choose another backend or another option, as the message says. */
    public static final class Unsupported extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was asked of which backend, and the remedy
         */
        public Unsupported(String message) {
            super(message, null);
        }

        private Unsupported(String message, Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Unsupported(getMessage() + " " + sentence, this);
        }
    }

    /**
     * The surroundings are wrong, and trying again will not mend them: a missing table, a missing permission, a wrong
     * password. The message says what to do.
     */
    public static final class Misconfigured extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what is missing, and what to do
         * @param cause what the database said, if it was asked
         */
        public Misconfigured(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Misconfigured(getMessage() + " " + sentence, this);
        }
    }

    /** The database could not be reached in time or was too busy, and nothing was stored or changed: try again. */
    public static final class Unavailable extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was attempted
         * @param cause what the database or the driver said, if anything
         */
        public Unavailable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Unavailable(getMessage() + " " + sentence, this);
        }
    }

    /**
     * The connection was lost or the answer did not come, so that it may or may not have been done. Publishing the same
     * event again is safe: resubscribe to the same {@code Mono}, or give the event an id.
     */
    public static final class OutcomeUnknown extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was attempted
         * @param cause what the database or the driver said, if anything
         */
        public OutcomeUnknown(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new OutcomeUnknown(getMessage() + " " + sentence, this);
        }
    }

    /** A payload or metadata could not be read as what was asked for. Only this event is affected. */
    public static final class Undecodable extends EventException {
        /**
         * Creates the exception.
         *
         * @param message which event, and as what it was to be read
         * @param cause what the decoder said, if anything
         */
        public Undecodable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Undecodable(getMessage() + " " + sentence, this);
        }
    }

    /** The channel has been shut down and takes nothing new. Nothing was stored or changed. */
    public static final class Closed extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was attempted
         */
        public Closed(String message) {
            super(message, null);
        }

        private Closed(String message, Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Closed(getMessage() + " " + sentence, this);
        }
    }

    /**
     * The calling thread was interrupted while it waited: stop. Its interrupt flag is set. The message says whether something
     * may have been done. Thrown by calls that block only.
     */
    public static final class Interrupted extends EventException {
        /**
         * Creates the exception.
         *
         * @param message what was waited for, and what may have been done
         * @param cause the interruption, if it was told by an exception
         */
        public Interrupted(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public EventException withDetail(String sentence) {
            return new Interrupted(getMessage() + " " + sentence, this);
        }
    }
}
