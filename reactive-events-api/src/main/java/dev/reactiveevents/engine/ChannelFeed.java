package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * One channel's subscriptions in this channel object, and when to look for its events again. A claim of a channel starts only
 * when the one before has taken its events, and is dealt out only after it, so that they keep their order.
 */
final class ChannelFeed {

    private static final Duration FIRST_PAUSE = Duration.ofMillis(5);

    /** Room reserved in a subscription. */
    record Share(EventSubscription subscription, int room) {}

    private final String channel;
    private final @Nullable Duration pollAfterActivity;
    private final Runnable onDue;
    private final List<EventSubscription> subscriptions = new CopyOnWriteArrayList<>();
    private final AtomicBoolean due = new AtomicBoolean();
    private final AtomicBoolean queued = new AtomicBoolean();
    private volatile boolean claiming;
    private volatile boolean rich;
    private volatile Mono<Void> dealt = Mono.empty();
    /** Guarded by the reservations, of which one is made at a time. */
    private int turn;

    private final Alarm alarm;
    private Duration pause = FIRST_PAUSE;
    /** How soon to look again although nothing told of more; null while the polls alone do so. */
    private @Nullable Duration nextLook;

    /**
     * A feed.
     *
     * @param pollAfterActivity how soon to look again after events were found, and twice as long after each look in vain; null
     *     to leave it to the polls
     * @param onDue called when events may be waiting
     */
    ChannelFeed(String channel, EngineTime time, @Nullable Duration pollAfterActivity, Runnable onDue) {
        this.channel = channel;
        this.alarm = new Alarm(time);
        this.pollAfterActivity = pollAfterActivity;
        this.onDue = onDue;
    }

    String channel() {
        return channel;
    }

    void add(EventSubscription subscription) {
        subscriptions.add(subscription);
    }

    /** Takes a subscription out; answers whether it was the last. */
    boolean remove(EventSubscription subscription) {
        subscriptions.remove(subscription);
        return subscriptions.isEmpty();
    }

    /**
     * After how many deliveries an event whose lease lapsed is a dead letter: the most that any of the subscriptions allows, so
     * that none loses what another would still try.
     */
    int maxAttempts() {
        int most = 1;
        for (EventSubscription subscription : subscriptions) {
            most = Math.max(most, subscription.maxAttempts());
        }
        return most;
    }

    /** Events may be waiting. Sticks until a claim has started after it, so that no wake-up is lost. */
    void markDue() {
        due.set(true);
    }

    /** Whether it is to be queued for a claim now: it is due, is not being claimed and is not queued yet. */
    boolean enqueue() {
        return mayBeClaimed() && queued.compareAndSet(false, true);
    }

    boolean mayBeClaimed() {
        return due.get() && !claiming;
    }

    /** Whether its last claim found as many as it asked for. */
    boolean isRich() {
        return rich;
    }

    void dequeue() {
        queued.set(false);
    }

    // == Claiming ==

    /**
     * Reserves room for up to this many events, divided among the subscriptions: equally, and what some do not need goes to
     * the others. A new one that gets no room is served nevertheless: a claim of nothing shows that the database is there.
     * Empty if nobody is to be served.
     */
    List<Share> reserve(int most) {
        List<Share> wanted = inTurn().stream()
                .map(subscription -> new Share(subscription, subscription.room()))
                .filter(share -> share.room() > 0 || share.subscription().wantsAnswer())
                .toList();
        int[] rooms = divide(most, wanted);
        List<Share> shares = new ArrayList<>();
        for (int i = 0; i < rooms.length; i++) {
            EventSubscription subscription = wanted.get(i).subscription();
            if (rooms[i] > 0 || subscription.wantsAnswer()) {
                subscription.reserve(rooms[i]);
                shares.add(new Share(subscription, rooms[i]));
            }
        }
        return shares;
    }

    private static int[] divide(int most, List<Share> wanted) {
        int[] rooms = new int[wanted.size()];
        int left = most;
        for (int i = 0; i < rooms.length; i++) {
            int others = rooms.length - i - 1;
            rooms[i] = Math.min(wanted.get(i).room(), (left + others) / (others + 1)); // rounded up
            left -= rooms[i];
        }
        for (int i = 0; i < rooms.length && left > 0; i++) {
            int more = Math.min(wanted.get(i).room() - rooms[i], left);
            rooms[i] += more;
            left -= more;
        }
        return rooms;
    }

    private List<EventSubscription> inTurn() {
        List<EventSubscription> all = List.copyOf(subscriptions);
        if (all.size() < 2) {
            return all;
        }
        List<EventSubscription> inTurn = new ArrayList<>(all);
        Collections.rotate(inTurn, -(turn++ % all.size()));
        return inTurn;
    }

    /** Completes when the last claim that was started is dealt out. */
    Mono<Void> dealt() {
        return dealt;
    }

    /** What woke it is still to be looked for after a claim for suspects. */
    void claimStarts(boolean suspects, Mono<Void> dealtOut) {
        claiming = true;
        dealt = dealtOut;
        if (!suspects) {
            due.set(false);
        }
    }

    /** The next claim will not get what this one has; if there was plenty, it will get something. */
    void claimHasTaken() {
        if (rich) {
            due.set(true);
        }
        claiming = false;
    }

    /** Deals out what was claimed, one to each in turn, and gives back the room that was not needed. */
    void deal(
            List<ClaimedEvent> events,
            List<Share> shares,
            BiFunction<ClaimedEvent, EventSubscription, Delivery> deliver) {
        int[] dealt = new int[shares.size()];
        int next = 0;
        for (ClaimedEvent event : events) {
            while (dealt[next] == shares.get(next).room()) {
                next = (next + 1) % dealt.length;
            }
            EventSubscription subscription = shares.get(next).subscription();
            subscription.offer(deliver.apply(event, subscription));
            dealt[next]++;
            next = (next + 1) % dealt.length;
        }
        for (int i = 0; i < dealt.length; i++) {
            shares.get(i).subscription().served(shares.get(i).room() - dealt[i]);
        }
    }

    void claimFailed() {
        due.set(true);
    }

    /**
     * Decides when to look again, after a claim for this many: at the latest when what it leased is due if nobody settles.
     */
    void claimEnds(Claimed claimed, int asked, Duration leased) {
        int found = claimed.events().size() + claimed.exhausted().size();
        rich = asked > 0 && found >= asked;
        if (found >= asked) {
            due.set(true);
        }
        if (found > 0) {
            pause = FIRST_PAUSE;
            nextLook = pollAfterActivity;
        }
        if (claimed.passedOver()) {
            Duration nextDue = claimed.nextDue();
            wakeIn(nextDue != null && nextDue.compareTo(pause) < 0 ? nextDue : pause);
            pause = longer(pause);
        } else {
            wakeAt(earlier(claimed.nextDue(), claimed.events().isEmpty() ? null : leased));
        }
    }

    /** Where events were found others may follow, whoever publishes them: it is looked soon, and less and less often. */
    private void wakeAt(@Nullable Duration nextDue) {
        Duration look = nextLook;
        if (look != null && polledLessOften(look)) {
            nextLook = look.multipliedBy(2);
        } else {
            nextLook = null;
        }
        Duration earlier = earlier(nextDue, nextLook == null ? null : look);
        if (earlier != null) {
            wakeIn(earlier);
        }
    }

    private boolean polledLessOften(Duration look) {
        return subscriptions.stream()
                .allMatch(subscription -> subscription.pollInterval().compareTo(look) > 0);
    }

    private static @Nullable Duration earlier(@Nullable Duration one, @Nullable Duration other) {
        return one == null || other != null && other.compareTo(one) < 0 ? other : one;
    }

    private Duration longer(Duration current) {
        Duration twice = current.multipliedBy(2);
        return subscriptions.stream()
                .map(EventSubscription::pollInterval)
                .filter(interval -> interval.compareTo(twice) < 0)
                .min(Duration::compareTo)
                .orElse(twice);
    }

    List<EventSubscription> subscriptions() {
        return subscriptions;
    }

    private void wakeIn(Duration delay) {
        alarm.set(delay.plusMillis(1), onDue);
    }

    /** Nobody is subscribed any more: nothing wakes it. */
    void end() {
        alarm.dispose();
    }
}
