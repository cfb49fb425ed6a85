package dev.reactiveevents.r2dbc;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * A queue with one consumer, as Oracle's documents have it: what is put or removed in a transaction is so with its commit; a
 * rollback counts what was removed, lets it wait for the retry delay, and puts it into the exception queue once it was counted more
 * often than there are retries; what was only locked is free with the end of the transaction, as it was; who dequeues gets the
 * first by priority and time that is ready and that nobody holds, or waits for one; a correlation is a pattern.
 */
final class ModelQueue {

    private static final Comparator<Message> ORDER =
            Comparator.<Message>comparingInt(message -> message.priority).thenComparingLong(message -> message.number);

    static final class Message {
        final byte[] id;
        final String correlation;
        final int priority;
        final long number;
        final String text;
        int retries;
        private long due;
        private Object putBy;
        private Object takenBy;
        private boolean removed;
        private boolean exhausted;

        Message(byte[] id, String correlation, int priority, long number, String text) {
            this.id = id;
            this.correlation = correlation;
            this.priority = priority;
            this.number = number;
            this.text = text;
        }
    }

    private final NavigableSet<Message> messages = new TreeSet<>(ORDER);
    private final Map<Object, List<Message>> open = new HashMap<>();
    private final int maxRetries;
    private final Duration retryDelay;
    private long numbers;
    private boolean started;

    ModelQueue(int maxRetries, Duration retryDelay) {
        this.maxRetries = maxRetries;
        this.retryDelay = retryDelay;
    }

    synchronized void start(boolean start) {
        started = start;
    }

    synchronized boolean isStarted() {
        return started;
    }

    /** Of what earlier tests left, each dequeue would look through all. */
    synchronized void clear() {
        messages.clear();
    }

    synchronized int size() {
        return messages.size();
    }

    /** Within a transaction, or, by nobody, at once. */
    synchronized void enqueue(Object session, String correlation, int priority, Duration delay, String text) {
        UUID id = UUID.randomUUID();
        byte[] bytes = ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
        Message message = new Message(bytes, correlation, priority, numbers++, text);
        message.due = System.nanoTime() + delay.toNanos();
        message.putBy = session;
        messages.add(message);
        if (session != null) {
            open.computeIfAbsent(session, none -> new ArrayList<>()).add(message);
        }
        notifyAll();
    }

    /** The next message, or null if none comes in time. */
    synchronized Message dequeue(
            Object session, boolean exhausted, String correlation, Duration wait, BooleanSupplier isOver) {
        long end = System.nanoTime() + wait.toNanos();
        Predicate<Message> isMeant = matching(correlation);
        while (true) {
            long now = System.nanoTime();
            Message found = messages.stream()
                    .filter(message -> message.exhausted == exhausted
                            && message.putBy == null
                            && message.takenBy == null
                            && message.due - now <= 0)
                    .filter(isMeant)
                    .findFirst()
                    .orElse(null);
            if (found != null) {
                found.takenBy = session;
                open.computeIfAbsent(session, none -> new ArrayList<>()).add(found);
                return found;
            }
            if (end - now <= 0 || isOver.getAsBoolean()) {
                return null;
            }
            long next = messages.stream()
                    .mapToLong(message -> message.due - now)
                    .filter(in -> in > 0)
                    .min()
                    .orElse(Long.MAX_VALUE);
            try {
                wait(Math.min(next, end - now) / 1_000_000 + 1);
            } catch (InterruptedException calledOff) {
                return null;
            }
        }
    }

    /** Of what the session has taken; false if there is no such message. */
    synchronized boolean remove(Object session, byte[] id) {
        for (Message message : open.getOrDefault(session, List.of())) {
            if (message.takenBy == session && Arrays.equals(message.id, id)) {
                message.removed = true;
                return true;
            }
        }
        return false;
    }

    private static Predicate<Message> matching(String correlation) {
        if (correlation.equals("%")) {
            return message -> true;
        }
        Pattern pattern = Pattern.compile(
                Pattern.quote(correlation).replace("%", "\\E.*\\Q").replace("_", "\\E.\\Q"), Pattern.DOTALL);
        boolean isPlain = !correlation.contains("%") && !correlation.contains("_");
        return message -> message.correlation != null
                && (isPlain
                        ? message.correlation.equals(correlation)
                        : pattern.matcher(message.correlation).matches());
    }

    synchronized void end(Object session, boolean commits) {
        for (Message message : ended(session)) {
            boolean put = message.putBy == session;
            if (put ? !commits : message.removed && commits) {
                messages.remove(message);
            } else if (message.removed) {
                count(message);
            }
            message.putBy = null;
            message.takenBy = null;
            message.removed = false;
        }
    }

    private List<Message> ended(Object session) {
        List<Message> of = open.remove(session);
        if (of != null) {
            notifyAll();
        }
        return of == null ? List.of() : of;
    }

    private void count(Message message) {
        if (!message.exhausted) {
            message.retries++;
            message.exhausted = message.retries > maxRetries;
            message.due = System.nanoTime() + (message.exhausted ? 0 : retryDelay.toNanos());
        }
    }

    /** The end of a session that did not end its transaction is not counted. */
    synchronized void abandon(Object session) {
        for (Message message : ended(session)) {
            if (message.putBy == session) {
                messages.remove(message);
            } else {
                message.takenBy = null;
                message.removed = false;
            }
        }
    }
}
