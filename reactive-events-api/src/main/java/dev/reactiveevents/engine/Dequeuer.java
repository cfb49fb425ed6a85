package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.WakeUp;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Takes events from the backend for all subscriptions of a channel object. Channels that are due and have room are claimed
 * together, in one statement for each free lane.
 */
final class Dequeuer {

    /** A backend may count on it: of three claims of a channel the first has been dealt out when the third starts. */
    private static final int LANES = 2;

    private final EventBackend backend;
    private final ChannelOptions options;
    private final EngineTime time;
    private final Map<Duration, TimeLimit> processingTimes = new ConcurrentHashMap<>();
    private final PayloadCodec codec;
    private final Settler settler;
    private final Observed observed;
    private final Feeds feeds;
    private final Deliveries deliveries;
    private final Isolation isolation;
    private final Reservations reservations;
    private final Dealer dealer;
    private final LateClaims lateClaims;
    private final Successions successions;
    private final Outage outage;
    /** Those of other processes, heard while there are subscriptions. Replayed, so that a late one knows that they are. */
    private final Flux<WakeUp> wakeUps;

    private final AtomicInteger work = new AtomicInteger();
    private final AtomicInteger busy = new AtomicInteger();
    private final Drained claims = new Drained();
    private volatile boolean stopped;

    Dequeuer(
            EventBackend backend,
            ChannelOptions options,
            PayloadCodec codec,
            Settler settler,
            EngineTime time,
            Observed observed) {
        this.backend = backend;
        this.options = options;
        this.codec = codec;
        this.settler = settler;
        this.time = time;
        this.observed = observed;
        this.feeds = new Feeds(time, options.pollAfterActivity(), this::drain);
        this.outage = new Outage(backend.name(), time, this::drain);
        this.deliveries = new Deliveries(options.lease(), time, this::drain);
        Duration granted = LeaseKeeper.granted(options.lease());
        this.isolation = new Isolation(granted, time, this::isolationTimeIsUp, this::wake);
        this.reservations = new Reservations(feeds, isolation, options.claimBatch());
        this.dealer = new Dealer(deliveries, observed, time);
        this.lateClaims = new LateClaims(new TimeLimit(options.publishTimeout(), time), settler, dealer, this);
        this.successions = new Successions(backend, options, time, reservations, dealer, lateClaims, this);
        settler.take(successions);
        this.wakeUps =
                Flux.defer(backend::wakeUps).doOnNext(this::heard).replay(1).refCount();
    }

    // == Subscriptions ==

    void add(EventSubscription subscription) {
        feeds.add(subscription);
        subscription.listen(wakeUps);
        if (subscription.isOver()) {
            feeds.remove(subscription);
        }
        roomChanged(subscription);
    }

    void remove(EventSubscription subscription) {
        feeds.remove(subscription);
    }

    void roomChanged(EventSubscription subscription) {
        feeds.queueDue(subscription.channelsInTurn());
    }

    /** Events of these channels may be waiting. */
    void wake(Set<String> channels) {
        feeds.wake(channels);
    }

    private void heard(WakeUp wakeUp) {
        if (wakeUp.channels().isEmpty()) {
            feeds.subscriptions().forEach(EventSubscription::markTold);
            feeds.wakeAll();
        } else {
            feeds.wake(wakeUp.channels());
        }
    }

    /** Ends all subscriptions. Completes once no claim is in flight; what it brings is given back. */
    Mono<Void> stop() {
        return Mono.defer(() -> {
            stopped = true;
            feeds.subscriptions().forEach(subscription -> subscription.end(null));
            return claims.whenZero(() -> busy.get() + lateClaims.open() + successions.open());
        });
    }

    // == Claiming ==

    private void drain() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            while (busy.get() < LANES && startClaim()) {}
            missed = work.addAndGet(-missed);
        } while (missed != 0);
        isolation.establishUndecided();
    }

    /** Counts as busy before it looks whether it may, so that a shutdown waits for what it reserves. */
    private boolean startClaim() {
        busy.incrementAndGet();
        boolean started = !stopped && !outage.isPausing() && claimNext();
        if (!started) {
            busy.decrementAndGet();
            claims.check();
        }
        return started;
    }

    private boolean claimNext() {
        if (isolation.admitsOthers(isQuiet())) {
            return claim(false, reservations.forDue());
        }
        // asked again, since settlements take nothing along only from now on
        return isQuiet() && (claim(true, reservations.forSuspect()) || claim(false, reservations.forDue()));
    }

    private boolean isQuiet() {
        return busy.get() == 1 && successions.open() == 0 && deliveries.size() == 0;
    }

    /** What lapsed is in nobody's hand, also if its keeper has not noticed yet. */
    private void isolationTimeIsUp() {
        deliveries.dropLapsed(time.nanos());
        drain();
    }

    private boolean claim(boolean suspects, List<Reservations.Portion> portions) {
        if (portions.isEmpty()) {
            return false;
        }
        List<Claim.Request> requests = portions.stream()
                .map(portion -> new Claim.Request(
                        portion.feed().channel(),
                        portion.asked(),
                        portion.feed().maxAttempts()))
                .toList();
        Duration granted = LeaseKeeper.granted(options.lease());
        new Flight(new Claim(TimeOrderedIds.next(), granted, suspects, options.deadLetterKeys(), requests), portions)
                .start();
        return true;
    }

    /** A claim on its way. */
    private final class Flight {

        private final Claim claim;
        private final List<Reservations.Portion> portions;
        private final long sent;
        private Set<EventSubscription> toBeEstablished = Set.of();
        private final Sinks.Empty<Void> dealt = Sinks.empty();
        private final AtomicBoolean taken = new AtomicBoolean();

        Flight(Claim claim, List<Reservations.Portion> portions) {
            this.claim = claim;
            this.portions = portions;
            this.sent = time.nanos();
        }

        void start() {
            Mono<Void> before = Mono.when(
                    portions.stream().map(portion -> portion.feed().dealt()).toList());
            portions.forEach(portion -> portion.feed().claimStarts(claim.suspects(), dealt.asMono()));
            toBeEstablished = told();
            if (claim.suspects()) {
                isolation.areEstablishedBySuspects(toBeEstablished);
            }
            lateClaims
                    .unlessLate(claim, Mono.defer(() -> backend.claim(claim, this::eventsAreTaken)))
                    .switchIfEmpty(Mono.just(List.of()))
                    .doOnNext(answers -> requireAnswersTo(claim, answers))
                    .materialize()
                    .delayUntil(answer -> before)
                    .<List<Claimed>>dematerialize()
                    .subscribe(this::answered, this::failed);
        }

        /** To be asked once the feeds have forgotten what woke them: who is told after that wakes them again. */
        private Set<EventSubscription> told() {
            return portions.stream()
                    .flatMap(portion -> portion.shares().stream())
                    .map(ChannelFeed.Share::subscription)
                    .filter(EventSubscription::isToBeEstablished)
                    .collect(Collectors.toSet());
        }

        /** The database goes on while the answer is read. Not for suspects, which are alone. */
        private void eventsAreTaken() {
            if (!claim.suspects()
                    && portions.stream().anyMatch(portion -> portion.feed().isRich())
                    && release()) {
                portions.forEach(
                        portion -> feeds.queueDue(List.of(portion.feed().channel())));
            }
        }

        private boolean release() {
            boolean first = taken.compareAndSet(false, true);
            if (first) {
                portions.forEach(portion -> portion.feed().claimHasTaken());
            }
            return first;
        }

        private void answered(List<Claimed> answers) {
            outage.over();
            observed.dequeued(answers, time.nanos() - sent);
            for (int i = 0; i < portions.size(); i++) {
                deal(portions.get(i), answers.get(i));
            }
            if (!claim.suspects() && Isolation.isWordOfSuspectsAlone(answers)) {
                isolation.areUndecided(toBeEstablished);
                toBeEstablished = Set.of();
            }
            toBeEstablished.forEach(EventSubscription::markAnswered);
            isOver(subscription -> {
                subscription.drain();
                if (toBeEstablished.contains(subscription)) {
                    subscription.establish();
                }
            });
        }

        private void deal(Reservations.Portion portion, Claimed claimed) {
            dealer.deal(claim, sent, portion, claimed);
            if (claim.suspects()) {
                suspectsAnswered(portion.feed(), claimed);
            } else {
                othersAnswered(portion, claimed, claim.lease());
            }
        }

        private void failed(Throwable error) {
            outage.failed(error);
            portions.forEach(portion -> {
                portion.giveBack();
                portion.feed().claimFailed();
            });
            isOver(subscription -> {
                if (!subscription.isEstablished() && !mayPass(error)) {
                    subscription.end(error);
                }
            });
        }

        /** The next claim starts before what this one brought is handed over: the database works while downstream does. */
        private void isOver(Consumer<EventSubscription> then) {
            release();
            dealt.tryEmitEmpty();
            Set<EventSubscription> served = new LinkedHashSet<>();
            portions.forEach(portion -> portion.shares().forEach(share -> served.add(share.subscription())));
            busy.decrementAndGet();
            served.forEach(Dequeuer.this::roomChanged);
            claims.check();
            drain();
            served.forEach(then);
        }
    }

    private void requireAnswersTo(Claim claim, List<Claimed> answers) {
        boolean sound = answers.size() == claim.requests().size();
        for (int i = 0; sound && i < answers.size(); i++) {
            sound = answers.get(i).events().size() <= claim.requests().get(i).limit();
        }
        if (!sound) {
            throw new IllegalStateException(backend.name() + " answered " + claim.requests() + " by " + answers + ".");
        }
    }

    private void othersAnswered(Reservations.Portion portion, Claimed claimed, Duration leased) {
        if (claimed.suspects()) {
            isolation.report(portion.feed());
        }
        portion.feed().claimEnds(claimed, portion.asked(), leased);
    }

    /** A suspect that others hold is left to the isolation, which pauses; otherwise it is the turn of the others. */
    private void suspectsAnswered(ChannelFeed feed, Claimed claimed) {
        if (!claimed.events().isEmpty()) {
            isolation.suspectIsTaken();
        }
        if (claimed.passedOver()) {
            isolation.report(feed);
        } else {
            feed.markDue();
        }
    }

    private static boolean mayPass(Throwable error) {
        return error instanceof EventException.Unavailable
                || error instanceof EventException.OutcomeUnknown
                || error instanceof TimeoutException;
    }

    // == What settlements take along ==

    boolean mayTakeAlong() {
        return !outage.isPausing() && !isolation.isClosed();
    }

    void tookAlong(ChannelFeed feed, Claimed claimed, long took) {
        observed.dequeued(List.of(claimed), took);
        if (claimed.suspects()) {
            isolation.report(feed);
        }
        if (!backend.takesNext(feed.channel())) { // no look is ahead that sees until when these are leased
            wake(Set.of(feed.channel()));
        }
    }

    void claimIsOver() {
        claims.check();
        drain();
    }

    // == What its parts share ==

    /** Why claims fail at the moment; null if they do not. */
    @Nullable
    Throwable outage() {
        return outage.current();
    }

    boolean reschedules() {
        return backend.capabilities().contains(Capability.RESCHEDULING);
    }

    ChannelOptions options() {
        return options;
    }

    EngineTime time() {
        return time;
    }

    /** One for all that may work for as long: its timer outlives them. */
    TimeLimit processingTime(Duration most) {
        return processingTimes.computeIfAbsent(most, limit -> new TimeLimit(limit, time));
    }

    PayloadCodec codec() {
        return codec;
    }

    Observed observed() {
        return observed;
    }

    Settler settler() {
        return settler;
    }

    Deliveries deliveries() {
        return deliveries;
    }
}
