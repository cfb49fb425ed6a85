package dev.reactiveevents.test;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** The events, under one lock that is never held for long. */
final class InMemoryStore {

    private final Supplier<Instant> clock;
    private final Duration retention;
    private final @Nullable Duration deadRetention;

    private static final TreeSet<StoredEvent> NONE = new TreeSet<>(StoredEvent.BY_PUBLISHING);

    private final Map<UUID, StoredEvent> events = new HashMap<>();
    final Map<String, TreeSet<StoredEvent>> unsettled = new HashMap<>();
    final Map<String, NavigableMap<DeadEvent.Place, StoredEvent>> dead = new HashMap<>();

    /** Dead ones too: they may hold back the others. */
    private final Map<List<String>, TreeSet<StoredEvent>> unackedOfKey = new HashMap<>();

    /** The last event of each key that was leased: it comes first, also once its lease has lapsed. */
    private final Map<List<String>, StoredEvent> holders = new HashMap<>();

    private final Deque<StoredEvent> acked = new ArrayDeque<>();
    private long lastSeq;
    private Instant latest = Instant.EPOCH;

    /** A store that keeps acknowledged events for a time, and dead letters for another, or for ever. */
    InMemoryStore(Supplier<Instant> clock, Duration retention, @Nullable Duration deadRetention) {
        this.clock = clock;
        this.retention = retention;
        this.deadRetention = deadRetention;
    }

    // == Publish ==

    synchronized void publish(List<NewEvent> batch) {
        Instant now = now();
        forgetAcked(now);
        forgetDead(now);
        requireIdsOfOneChannel(batch);
        for (NewEvent event : batch) {
            events.computeIfAbsent(event.eventId(), id -> stored(event, now));
        }
    }

    private void requireIdsOfOneChannel(List<NewEvent> batch) {
        Map<UUID, String> channels = new HashMap<>();
        for (NewEvent event : batch) {
            StoredEvent existing = events.get(event.eventId());
            String channel = existing == null ? event.channel() : existing.content.channel();
            String first = Objects.requireNonNullElse(channels.putIfAbsent(event.eventId(), channel), channel);
            if (!first.equals(event.channel())) {
                throw new EventException.Invalid("The event id " + event.eventId() + " published on channel \""
                        + event.channel() + "\" belongs to an event on channel \"" + first + "\"; give another id.");
            }
        }
    }

    private StoredEvent stored(NewEvent event, Instant now) {
        StoredEvent stored = new StoredEvent(event, ++lastSeq, now, dueTime(event, now));
        open(stored);
        return stored;
    }

    private static Instant dueTime(NewEvent event, Instant now) {
        Instant deliverAt = event.deliverAt();
        if (deliverAt == null) {
            return now.plus(event.delay());
        }
        return deliverAt.isAfter(now) ? deliverAt : now;
    }

    // == Claim ==

    synchronized List<Claimed> claim(Claim claim) {
        Instant now = now();
        forgetDead(now);
        return claim.requests().stream()
                .map(request -> claim(claim, request, now))
                .toList();
    }

    private Claimed claim(Claim claim, Claim.Request request, Instant now) {
        Selection selection = new Selection(claim, request, now);
        for (StoredEvent event : inOrder(request.channel())) {
            if (!selection.add(event)) {
                break;
            }
        }
        selection.exhausted.forEach(event -> bury(event, null, lastLapse(event), now));
        Instant until = now.plus(claim.lease());
        return selection.claimed(event -> lease(event, claim.leaseToken(), until));
    }

    /** What a claim finds in one channel. Changes nothing yet. */
    private final class Selection {

        private final Claim claim;
        private final Claim.Request request;
        private final Instant now;
        private final List<StoredEvent> taken = new ArrayList<>();
        private final List<StoredEvent> exhausted = new ArrayList<>();
        private @Nullable Duration nextDue;
        private boolean blocked;
        private boolean suspects;

        Selection(Claim claim, Claim.Request request, Instant now) {
            this.claim = claim;
            this.request = request;
            this.now = now;
        }

        /** Looks at the next event in order; answers whether to go on. */
        boolean add(StoredEvent event) {
            if (isFull()) {
                return false;
            }
            if (event.availableAt.isAfter(now)) {
                nextDue = Duration.between(now, event.availableAt);
                return false;
            }
            addDue(event);
            return true;
        }

        private void addDue(StoredEvent event) {
            if (event.isExhausted(request)) {
                exhausted.add(event);
            } else if (!isFirstOfItsKey(event, claim.deadLetterKeys())) {
                blocked = true;
            } else if (event.isSuspect(request) == claim.suspects()) {
                taken.add(event);
            } else {
                suspects |= !claim.suspects();
            }
        }

        private boolean isFull() {
            return taken.size() == request.limit();
        }

        Claimed claimed(Function<StoredEvent, ClaimedEvent> lease) {
            List<UUID> dead =
                    exhausted.stream().map(event -> event.content.eventId()).toList();
            List<ClaimedEvent> leased = taken.stream().map(lease).toList();
            return new Claimed(request.channel(), leased, dead, nextDue, blocked && !isFull(), suspects);
        }
    }

    private Iterable<StoredEvent> inOrder(String channel) {
        return unsettled.getOrDefault(channel, new TreeSet<>(StoredEvent.BY_AVAILABILITY));
    }

    private boolean isFirstOfItsKey(StoredEvent event, DeadLetterKeys deadLetterKeys) {
        StoredEvent holder = holders.get(key(event));
        if (holder != null && holder.leased) {
            return holder == event;
        }
        return unackedOfKey.getOrDefault(key(event), NONE).headSet(event).stream()
                .noneMatch(earlier -> isOpen(earlier) || deadLetterKeys == DeadLetterKeys.PARK && isKept(earlier));
    }

    private boolean isOpen(StoredEvent event) {
        TreeSet<StoredEvent> sameChannel = unsettled.get(event.content.channel());
        return sameChannel != null && sameChannel.contains(event);
    }

    private boolean isKept(StoredEvent event) {
        return events.get(event.content.eventId()) == event;
    }

    private ClaimedEvent lease(StoredEvent event, UUID token, Instant until) {
        move(event, () -> event.lease(token, until));
        if (event.content.key() != null) {
            holders.put(key(event), event);
        }
        return event.claimed();
    }

    // == Settle ==

    synchronized List<SettleResult> settle(List<Settlement> settlements) {
        Instant now = now();
        return settlements.stream().map(settlement -> settle(settlement, now)).toList();
    }

    private SettleResult settle(Settlement settlement, Instant now) {
        StoredEvent event = events.get(settlement.eventId());
        if (event == null) {
            return SettleResult.GONE;
        }
        if (event.isLeasedUnder(settlement.leaseToken())) {
            apply(settlement, event, now);
            return SettleResult.APPLIED;
        }
        return event.wasSettledUnder(settlement.leaseToken(), settlement.outcome())
                ? SettleResult.APPLIED
                : SettleResult.LOST;
    }

    private void apply(Settlement settlement, StoredEvent event, Instant now) {
        switch (settlement.outcome()) {
            case ACK -> acknowledge(event, now);
            case RETRY -> move(event, () -> retry(event, now.plus(settlement.after()), settlement.reason()));
            case DEAD -> bury(event, Outcome.DEAD, settlement.reason(), now);
            case RELEASE -> move(event, () -> release(event));
            case EXTEND -> move(event, () -> extend(event, now.plus(settlement.after())));
        }
    }

    private void acknowledge(StoredEvent event, Instant now) {
        close(event, Outcome.ACK);
        remove(unackedOfKey, key(event), event);
        event.settledAt = now;
        acked.add(event);
        forgetAcked(now);
    }

    private void bury(StoredEvent event, @Nullable Outcome by, @Nullable String reason, Instant now) {
        close(event, by);
        event.failed(reason);
        event.die(now);
        dead.computeIfAbsent(event.content.channel(), name -> new TreeMap<>()).put(event.deathPlace(), event);
    }

    private static String lastLapse(StoredEvent event) {
        return "The lease lapsed at attempt " + event.attempts + ", which was the last.";
    }

    private static void retry(StoredEvent event, Instant dueAt, @Nullable String reason) {
        event.failed(reason);
        event.endLease(Outcome.RETRY);
        event.becomeDueAt(dueAt);
    }

    private static void release(StoredEvent event) {
        event.endLease(Outcome.RELEASE);
        event.attempts--;
        event.becomeDueAt(event.deliverAt);
    }

    private static void extend(StoredEvent event, Instant until) {
        if (until.isAfter(event.availableAt)) {
            event.availableAt = until;
        }
    }

    private void forgetAcked(Instant now) {
        Instant kept = now.minus(retention);
        while (!acked.isEmpty() && !acked.getFirst().settledAt.isAfter(kept)) {
            events.remove(acked.removeFirst().content.eventId());
        }
    }

    private void forgetDead(Instant now) {
        if (deadRetention != null) {
            DeadEvent.Place kept = new DeadEvent.Place(now.minus(deadRetention), Long.MAX_VALUE);
            List.copyOf(dead.values()).stream()
                    .flatMap(ofChannel -> List.copyOf(ofChannel.headMap(kept).values()).stream())
                    .forEach(this::purge);
        }
    }

    // == Upkeep, called with the lock held ==

    @Nullable
    StoredEvent deadLetter(String channel, UUID id) {
        StoredEvent event = events.get(id);
        return event != null && event.isDead() && event.content.channel().equals(channel) ? event : null;
    }

    void requeue(StoredEvent event, Instant now) {
        forgetDeath(event);
        event.startAfresh(now);
        open(event);
    }

    void purge(StoredEvent event) {
        forgetDeath(event);
        forget(event);
    }

    private void forget(StoredEvent event) {
        remove(unackedOfKey, key(event), event);
        events.remove(event.content.eventId());
    }

    private void forgetDeath(StoredEvent event) {
        dead.computeIfPresent(event.content.channel(), (channel, others) -> {
            others.remove(event.deathPlace());
            return others.isEmpty() ? null : others;
        });
    }

    @Nullable
    String withdraw(UUID id) {
        StoredEvent event = events.get(id);
        if (event == null
                || event.attempts > 0
                || !unsettledOf(event.content.channel()).anyMatch(event::equals)) {
            return null;
        }
        close(event, null);
        forget(event);
        return event.content.channel();
    }

    Stream<StoredEvent> unsettledOf(String channel) {
        return unsettled.getOrDefault(channel, new TreeSet<>(StoredEvent.BY_AVAILABILITY)).stream();
    }

    /** The latest first. */
    Stream<StoredEvent> ackedOf(String channel) {
        return StreamSupport.stream(
                        Spliterators.spliteratorUnknownSize(acked.descendingIterator(), Spliterator.ORDERED), false)
                .filter(event -> event.content.channel().equals(channel));
    }

    // == Indexes ==

    private void open(StoredEvent event) {
        unsettled
                .computeIfAbsent(event.content.channel(), name -> new TreeSet<>(StoredEvent.BY_AVAILABILITY))
                .add(event);
        if (event.content.key() != null) {
            unackedOfKey
                    .computeIfAbsent(key(event), key -> new TreeSet<>(StoredEvent.BY_PUBLISHING))
                    .add(event);
        }
    }

    private void close(StoredEvent event, @Nullable Outcome by) {
        remove(unsettled, event.content.channel(), event);
        holders.remove(key(event), event);
        event.endLease(by);
    }

    private void move(StoredEvent event, Runnable change) {
        TreeSet<StoredEvent> sameChannel = Objects.requireNonNull(unsettled.get(event.content.channel()));
        sameChannel.remove(event);
        change.run();
        sameChannel.add(event);
    }

    private static <K> void remove(Map<K, TreeSet<StoredEvent>> index, K name, StoredEvent event) {
        index.computeIfPresent(name, (same, events) -> events.remove(event) && events.isEmpty() ? null : events);
    }

    private static List<String> key(StoredEvent event) {
        String key = event.content.key();
        return key == null ? List.of() : List.of(event.content.channel(), key);
    }

    /** Never goes back, so that what is published later comes later. */
    Instant now() {
        Instant now = clock.get();
        latest = now.isAfter(latest) ? now : latest;
        return latest;
    }
}
