package dev.reactiveevents.blocking;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.blocking.Answer.Question;
import java.util.List;

/**
 * The dead letters of one channel, see {@link DeadLetters}. Calls wait and fail as {@link BlockingEventChannel} says; what is
 * done to many is not one transaction, and asking again goes on.
 */
public final class BlockingDeadLetters {

    private static final String GO_ON = "ask again, which goes on where this ended.";

    private final DeadLetters letters;
    private final Calls calls;

    BlockingDeadLetters(DeadLetters letters, Calls calls) {
        this.letters = letters;
        this.calls = calls;
    }

    /** {@return the channel's name} */
    public String channel() {
        return letters.channel();
    }

    /** {@return how many there are, see {@link DeadLetters#count()}} */
    public long count() {
        return calls.ask("count", "DeadLetters.count", reading("counted"), letters::count);
    }

    /**
     * Counts some.
     *
     * @param query which; its limit bounds what is counted
     * @return how many there are, at most the limit
     */
    public long count(DeadLetterQuery query) {
        return calls.ask("count", "DeadLetters.count", reading("counted"), () -> letters.count(query));
    }

    /**
     * Reads some, all into memory: read many in pages, with {@link DeadLetterQuery#after(String)}.
     *
     * @param query which, in which order, and how many at most
     * @return the dead letters
     */
    public List<DeadLetter> browse(DeadLetterQuery query) {
        return calls.ask(
                "browse",
                "DeadLetters.browse",
                reading("read"),
                () -> letters.browse(query).collectList());
    }

    /**
     * Lets one be delivered again, see {@link DeadLetters#requeue(String)}.
     *
     * @param eventId the event's id
     * @return true once it is due; false if this channel has no such dead letter
     */
    public boolean requeue(String eventId) {
        return calls.ask("requeue", "DeadLetters.requeue", changing("requeued"), () -> letters.requeue(eventId));
    }

    /**
     * Lets many be delivered again.
     *
     * @param query which, in which order, and how many at most
     * @return how many were requeued
     */
    public long requeue(DeadLetterQuery query) {
        return calls.ask("requeue", "DeadLetters.requeue", changing("requeued"), () -> letters.requeue(query));
    }

    /**
     * Deletes one. Its id can then be published again.
     *
     * @param eventId the event's id
     * @return true once it is gone; false if this channel has no such dead letter
     */
    public boolean purge(String eventId) {
        return calls.ask("purge", "DeadLetters.purge", changing("purged"), () -> letters.purge(eventId));
    }

    /**
     * Deletes many.
     *
     * @param query which, in which order, and how many at most
     * @return how many were deleted
     */
    public long purge(DeadLetterQuery query) {
        return calls.ask("purge", "DeadLetters.purge", changing("purged"), () -> letters.purge(query));
    }

    private Question reading(String what) {
        return Question.read(() -> "Dead letters of " + channel() + " were to be " + what);
    }

    private Question changing(String what) {
        return Question.write(() -> "Dead letters of " + channel() + " were to be " + what, GO_ON);
    }
}
