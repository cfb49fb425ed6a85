package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The calls of a queue that the database has itself. They run on a connection that the caller opened, in the transaction that it
 * began, and leave both alone; they report the driver's errors as they are.
 */
public interface AdvancedQueueStatements {

    /**
     * A message to be put into a queue.
     *
     * @param queue the queue
     * @param correlation by what it is told from those of other channels, without wildcards; {@code null} if the queue has none
     * @param text all of it
     * @param priority the smaller, the sooner
     * @param delay how long it waits, rounded up to seconds
     * @param deliverAt when it is due instead, by the database's clock, if set
     */
    record Outgoing(
            AdvancedQueue queue,
            @Nullable String correlation,
            String text,
            int priority,
            Duration delay,
            @Nullable Instant deliverAt) {

        /** {@return the queue and the correlation; never the text} */
        @Override
        public String toString() {
            return "Outgoing[queue=" + queue + ", correlation=" + correlation + "]";
        }
    }

    /**
     * A message that was taken from a queue.
     *
     * @param messageId its id in the queue
     * @param correlation as it was put in
     * @param deliveries how often it was taken, this time included
     * @param text all of it
     */
    record Incoming(UUID messageId, @Nullable String correlation, int deliveries, String text) {

        /** {@return the id and the correlation; never the text} */
        @Override
        public String toString() {
            return "Incoming[messageId=" + messageId + ", correlation=" + correlation + "]";
        }
    }

    /**
     * Puts messages into queues, in their order.
     *
     * @param connection the connection
     * @param messages at least one
     * @param immediately whether they are there at once, whatever becomes of the transaction
     * @return completes when they are put
     */
    Mono<Void> enqueue(Connection connection, List<Outgoing> messages, boolean immediately);

    /**
     * Takes hold of a message: nobody else gets it until the transaction ends. It stays in the queue then, as it was, unless it
     * was removed.
     *
     * @param connection the connection, on which nothing else runs meanwhile
     * @param queue the queue
     * @param correlation only of these, if given; without wildcards
     * @param wait for how long at most to wait for one, in whole seconds
     * @return the message; empty if none came
     */
    Mono<Incoming> dequeue(Connection connection, AdvancedQueue queue, @Nullable String correlation, Duration wait);

    /**
     * Removes a message that this transaction holds. It is gone with the commit; a rollback is counted, and the message comes
     * again after the queue's delay.
     *
     * @param connection the connection
     * @param queue the queue
     * @param messageId its id in the queue
     * @return completes when it is removed
     */
    Mono<Void> remove(Connection connection, AdvancedQueue queue, UUID messageId);

    /**
     * Takes a message that was rolled back too often from where the database has put it; it is gone with the commit.
     *
     * @param connection the connection
     * @param queue the queue that it was in
     * @param correlation only of these, if given; without wildcards
     * @return the message; empty if there is none
     */
    Mono<Incoming> dequeueExhausted(Connection connection, AdvancedQueue queue, @Nullable String correlation);

    /**
     * Stores a dead letter in the queue table.
     *
     * @param connection the connection
     * @param dead the dead letter; the time of its death is the database's
     * @return completes when it is stored
     */
    Mono<Void> storeDead(Connection connection, DeadEvent dead);

    /**
     * Looks whether a queue can be used.
     *
     * @param connection the connection
     * @param queue the queue
     * @return true if messages can be put and taken, false if it was stopped; empty if it is not there for this user
     */
    Mono<Boolean> isStarted(Connection connection, AdvancedQueue queue);

    /**
     * How a queue is made and started that may be there.
     *
     * @param queue the queue
     * @param maxRetries after how many rollbacks a message comes once more, at last
     * @return a statement, which commits
     */
    String create(AdvancedQueue queue, int maxRetries);

    /**
     * How a queue is dropped that may be there, with all in it.
     *
     * @param queue the queue
     * @return a statement, which commits
     */
    String drop(AdvancedQueue queue);

    /**
     * What to run for a user who may not use a queue.
     *
     * @param queue its name, or what stands for it
     * @return one or more statements, in a sentence that begins with run
     */
    String grant(String queue);
}
