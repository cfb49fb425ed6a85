package dev.reactiveevents;

import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which dead letters of a channel, in which order, and how many at most. Immutable; each {@code with} method returns a changed
 * copy. Bad values are refused by {@link EventException.Invalid}.
 *
 * <p>The order is that in which they died, and the time is an index condition: a query costs what it looks at. A type is not
 * in the index: the dead letters of other types in between are looked at as well, a bounded number by each statement.
 */
public final class DeadLetterQuery {

    private final boolean latestFirst;
    private final long limit;
    private @Nullable String type;
    private @Nullable Instant from;
    private @Nullable Instant before;
    private @Nullable String after;

    private DeadLetterQuery(boolean latestFirst, long limit) {
        if (limit < 1) {
            throw new EventException.Invalid(
                    "The limit of a query for dead letters was " + limit + "; give a number of at least 1.");
        }
        this.latestFirst = latestFirst;
        this.limit = limit;
    }

    private DeadLetterQuery changed(Consumer<DeadLetterQuery> change) {
        DeadLetterQuery copy = new DeadLetterQuery(latestFirst, limit);
        copy.type = type;
        copy.from = from;
        copy.before = before;
        copy.after = after;
        change.accept(copy);
        return copy;
    }

    /**
     * Those that died first.
     *
     * @param limit how many at most, at least 1; {@link Long#MAX_VALUE} for all
     * @return the query
     */
    public static DeadLetterQuery oldest(long limit) {
        return new DeadLetterQuery(false, limit);
    }

    /**
     * Those that died last, the latest first.
     *
     * @param limit how many at most, at least 1; {@link Long#MAX_VALUE} for all
     * @return the query
     */
    public static DeadLetterQuery latest(long limit) {
        return new DeadLetterQuery(true, limit);
    }

    /**
     * Takes only those of one type.
     *
     * @param type the exact type
     * @return the changed copy
     */
    public DeadLetterQuery withType(String type) {
        requirePresent("type", type);
        return changed(copy -> copy.type = type);
    }

    /**
     * Takes only those that died at a time or later.
     *
     * @param from the first moment
     * @return the changed copy
     */
    public DeadLetterQuery withDiedFrom(Instant from) {
        requirePresent("first moment", from);
        return changed(copy -> copy.from = from);
    }

    /**
     * Takes only those that died before a time.
     *
     * @param before the first moment that is out
     * @return the changed copy
     */
    public DeadLetterQuery withDiedBefore(Instant before) {
        requirePresent("last moment", before);
        return changed(copy -> copy.before = before);
    }

    /**
     * Goes on after a dead letter in the order of this query: the next page.
     *
     * @param cursor the {@link DeadLetter#cursor()} of the last one seen; it need not be dead or there any more
     * @return the changed copy
     */
    public DeadLetterQuery after(String cursor) {
        requirePresent("cursor", cursor);
        return changed(copy -> copy.after = cursor);
    }

    private static void requirePresent(String what, @Nullable Object value) {
        if (value == null) {
            throw new EventException.Invalid(
                    "The " + what + " of a query for dead letters was null; give one, or leave it out.");
        }
    }

    /** {@return whether the latest come first} */
    public boolean isLatestFirst() {
        return latestFirst;
    }

    /** {@return how many at most} */
    public long limit() {
        return limit;
    }

    /** {@return the type, or {@code null} for all} */
    public @Nullable String type() {
        return type;
    }

    /** {@return the first moment of dying, if set} */
    public @Nullable Instant diedFrom() {
        return from;
    }

    /** {@return the first moment of dying that is out, if set} */
    public @Nullable Instant diedBefore() {
        return before;
    }

    /** {@return the cursor after which to go on, if set} */
    public @Nullable String cursor() {
        return after;
    }
}
