package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Claimed;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps suspects from dragging their neighbours with them: an event whose lease lapsed repeatedly, perhaps because it ends
 * its consumers, is claimed only once everything else is settled, and nothing else is claimed until it is settled.
 *
 * <p>Each of the two lasts for one granted lease at most: a message in hand may be held for long, and what survived that long
 * ends nobody at once. Then others have their turn, at least for as long as they were kept out, and longer each time in which
 * no suspect could be taken.
 *
 * <p>What claims tell may come from any thread, and so may what concerns those that are undecided; the rest is called by the
 * drain loop, one thread at a time.
 */
final class Isolation {

    private static final long FIRST_PAUSE = Duration.ofMillis(100).toNanos();
    /** How many times as long as they were kept out others have their turn at most, or one granted lease if that is longer. */
    private static final int LONGEST_PAUSE = 16;

    private enum Mode {
        /** Others are admitted until suspects are reported. */
        OPEN,
        /** What is in hand is to be settled. */
        QUIETING,
        /** A suspect is being claimed or in hand. */
        ALONE,
        /** Others are admitted whatever is reported. */
        PAUSING
    }

    private final Duration longest;
    private final EngineTime time;
    private final Runnable onTimeUp;
    private final Consumer<Set<String>> wake;
    private final Queue<ChannelFeed> reported = new ConcurrentLinkedQueue<>();
    private final Queue<EventSubscription> undecided = new ConcurrentLinkedQueue<>();
    private final Alarm timer;
    private volatile Mode mode = Mode.OPEN;
    private long closedAt;
    private long modeEnds;
    private volatile boolean found;
    private long pause;

    /**
     * An isolation.
     *
     * @param longest how long others wait at most until a suspect is claimed, and again until it is settled
     * @param onTimeUp called when a time is over, so that the dequeuer looks what it may claim now
     * @param wake told the channels whose suspects may be tried again
     */
    Isolation(Duration longest, EngineTime time, Runnable onTimeUp, Consumer<Set<String>> wake) {
        this.longest = longest;
        this.time = time;
        this.onTimeUp = onTimeUp;
        this.wake = wake;
        this.timer = new Alarm(time);
    }

    void report(ChannelFeed feed) {
        if (!reported.contains(feed)) {
            reported.add(feed);
        }
    }

    static boolean isWordOfSuspectsAlone(List<Claimed> answers) {
        return answers.stream().anyMatch(Claimed::suspects)
                && answers.stream().allMatch(answer -> answer.events().isEmpty());
    }

    /** Whose claim found nothing but word of suspects: a claim for these is to establish them, if it can start now. */
    void areUndecided(Set<EventSubscription> subscriptions) {
        undecided.addAll(subscriptions);
    }

    void areEstablishedBySuspects(Set<EventSubscription> subscriptions) {
        undecided.removeAll(subscriptions);
    }

    /** No claim for their suspects has started: others are not to keep them from being established. */
    void establishUndecided() {
        EventSubscription subscription;
        while ((subscription = undecided.poll()) != null) {
            subscription.markAnswered();
            subscription.establish();
        }
    }

    void suspectIsTaken() {
        found = true;
    }

    /**
     * Whether events that are no suspects may be claimed.
     *
     * @param quiet whether nothing is being claimed and all is settled
     */
    boolean admitsOthers(boolean quiet) {
        boolean over = mode == Mode.ALONE && quiet;
        boolean late = isClosed() && !quiet && time.nanos() - modeEnds >= 0;
        if (over || late) {
            open();
        }
        if (mode == Mode.OPEN && !reported.isEmpty()) {
            found = false;
            closedAt = time.nanos();
            enter(Mode.QUIETING);
        }
        return !isClosed();
    }

    /** Whether others are kept out. From any thread. */
    boolean isClosed() {
        return mode == Mode.QUIETING || mode == Mode.ALONE;
    }

    private void enter(Mode next) {
        mode = next;
        modeEnds = time.nanos() + longest.toNanos();
        timer.set(longest, onTimeUp);
    }

    /** The next channel with suspects, once all is quiet; null if there is none. */
    @Nullable
    ChannelFeed next() {
        return mode == Mode.QUIETING ? reported.poll() : null;
    }

    void suspectIsBeingClaimed() {
        enter(Mode.ALONE);
    }

    /** Others have their turn: until it is over, nothing that is reported keeps them out. */
    void open() {
        long closed = time.nanos() - closedAt;
        long most = Math.max(longest.toNanos(), LONGEST_PAUSE * closed);
        long grown = found ? 0 : Math.min(Math.max(FIRST_PAUSE, 2 * pause), most);
        pause = Math.max(closed, grown);
        mode = Mode.PAUSING;
        timer.set(Duration.ofNanos(pause), this::pauseIsOver);
    }

    /** What was reported may no longer be true, another process may have had the suspects: claims of the others look again. */
    private void pauseIsOver() {
        Set<String> channels = new LinkedHashSet<>();
        ChannelFeed feed;
        while ((feed = reported.poll()) != null) {
            channels.add(feed.channel());
        }
        mode = Mode.OPEN;
        wake.accept(channels);
        onTimeUp.run();
    }
}
