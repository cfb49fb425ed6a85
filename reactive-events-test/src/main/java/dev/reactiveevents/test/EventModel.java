package dev.reactiveevents.test;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.EventMessage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a test knows of the events it published, and what must not be true of a delivery. It says less than the backend
 * promises where only the store can know, and never more: what it notes was so.
 */
final class EventModel {

    /** One event, as this process sees it. */
    private static final class Known {

        private final int place;
        private final @Nullable String key;
        private @Nullable EventMessage inHand;
        /** Whether its transaction can be known to have committed. Until then those behind it in its key go first. */
        private boolean visible;

        private boolean acked;
        /** It lets those behind it go: an outcome was said that ends it, or it may have died unseen. */
        private boolean over;

        Known(int place, @Nullable String key, boolean visible) {
            this.place = place;
            this.key = key;
            this.visible = visible;
        }

        boolean isHeld(Instant now) {
            return inHand != null && inHand.leaseExpiresAt().isAfter(now);
        }
    }

    /** What a consumer says of an event. */
    enum Said {
        ACK,
        REJECT,
        NACK
    }

    private final int maxAttempts;
    private final boolean deadLettersLetGo;
    private final Map<String, Known> events = new LinkedHashMap<>();
    private final Map<String, List<Known>> keys = new HashMap<>();
    private final ConcurrentLinkedQueue<String> violations = new ConcurrentLinkedQueue<>();

    EventModel(int maxAttempts, DeadLetterKeys deadLetterKeys) {
        this.maxAttempts = maxAttempts;
        this.deadLettersLetGo = deadLetterKeys == DeadLetterKeys.FREE;
    }

    /** To be called before it is published, one event after the other. */
    void publishing(String id, @Nullable String key) {
        add(id, key, true);
    }

    /** The same for one that is stored in a transaction which is still open, and which will commit. */
    void publishingUncommitted(String id, @Nullable String key) {
        add(id, key, false);
    }

    private synchronized void add(String id, @Nullable String key, boolean visible) {
        Known event = new Known(events.size(), key, visible);
        events.put(id, event);
        if (key != null) {
            keys.computeIfAbsent(key, name -> new ArrayList<>()).add(event);
        }
    }

    /** To be called first when it arrives. */
    synchronized void arrived(EventMessage message) {
        Instant now = Instant.now();
        Known event = events.get(message.eventId());
        if (event == null) {
            violations.add("never published: " + message);
            return;
        }
        if (message.attempts() < 1 || message.attempts() > maxAttempts) {
            violations.add("more attempts than allowed: " + message);
        }
        if (event.acked) {
            violations.add("delivered after its ack was confirmed: " + message);
        }
        if (event.isHeld(now)) {
            violations.add("delivered while another delivery holds it: " + message);
        }
        if (event.key != null) {
            checkKey(message, event, now);
        }
        event.visible = true;
        event.inHand = message;
        event.over = deadLettersLetGo && isLastAttempt(message); // it may die unseen, of a lapse
    }

    private boolean isLastAttempt(EventMessage message) {
        return message.attempts() >= maxAttempts;
    }

    private void checkKey(EventMessage message, Known event, Instant now) {
        List<Known> sameKey = keys.getOrDefault(event.key, List.of());
        if (sameKey.stream().anyMatch(other -> other != event && other.isHeld(now))) {
            violations.add("delivered while another event holds its key: " + message);
        }
        if (sameKey.stream().anyMatch(other -> other.visible && other.place < event.place && !other.over)) {
            violations.add("delivered before an earlier one of its key: " + message);
        }
    }

    /** To be called before the outcome is said: from then on somebody else may have it. */
    synchronized void settling(EventMessage message, Said said) {
        Known event = events.get(message.eventId());
        if (event != null && event.inHand == message) {
            event.inHand = null;
            event.over |= said == Said.ACK || deadLettersLetGo && (said == Said.REJECT || isLastAttempt(message));
        }
    }

    synchronized void ackAnswered(EventMessage message, boolean held) {
        Known event = events.get(message.eventId());
        if (event != null && held) {
            if (event.acked) {
                violations.add("acknowledged twice: " + message);
            }
            event.acked = true;
        }
    }

    Set<String> acked() {
        return idsOf(event -> event.acked);
    }

    Set<String> notAcked() {
        return idsOf(event -> !event.acked);
    }

    private synchronized Set<String> idsOf(Predicate<Known> which) {
        return events.entrySet().stream()
                .filter(event -> which.test(event.getValue()))
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
    }

    List<String> violations() {
        return List.copyOf(violations);
    }
}
