package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * Sends outcomes to the backend, in batches, and tries again while the database is away: for one lease at most, since
 * nothing can be promised after it.
 */
final class Settler {

    private static final int LANES = 2;
    private static final int ROWS = 1_000;
    private static final int GOOD_SHARE = 64;
    /** Characters of reasons in a batch. */
    private static final int WEIGHT = 1 << 18;

    private static final int WAITING = 1 << 20;

    /** A settlement on its way; {@code sent} is told when its batch starts. */
    record Request(Settlement settlement, Runnable sent) {}

    /** What became of one, and whether, if it was applied, what it freed is to be looked for. */
    record Answer(SettleResult result, boolean frees) {}

    private final EventBackend backend;
    private final Duration lease;
    private final EngineTime time;
    private final Batcher<Request, Answer> outcomes;
    private final Batcher<Request, Answer> late;
    private final Batcher<Settlement, SettleResult> extensions;
    private volatile @Nullable Successions successions;
    private volatile boolean tookAlong;

    Settler(EventBackend backend, Duration lease, EngineTime time) {
        this.backend = backend;
        this.lease = lease;
        this.time = time;
        this.outcomes = new Batcher<>(limits("Settling", LANES), this::goodShare, Settler::weight, this::send, time);
        this.late = new Batcher<>(limits("Settling late", 1), Settler::weight, this::sendLate, time);
        this.extensions = new Batcher<>(limits("Extending a lease", 1), extension -> 0, this::extend, time);
    }

    /** What acknowledgements are to take along. To be told before there are any. */
    void take(Successions along) {
        successions = along;
    }

    /** Keys would go round in one lump: what one lane settles alone comes back, and is settled, together. */
    private int goodShare() {
        return tookAlong ? GOOD_SHARE : ROWS;
    }

    private static int weight(Request request) {
        String reason = request.settlement().reason();
        return reason == null ? 0 : reason.length();
    }

    private Batcher.Limits limits(String work, int lanes) {
        Duration timeout = lease.multipliedBy(2).plusSeconds(1);
        return new Batcher.Limits(work, lanes, ROWS, WEIGHT, WAITING, timeout);
    }

    /**
     * Settles.
     *
     * @param isLate the lease is over: another consumer may have the event, and its row, locked for as long as a transactional
     *     handler works. Some databases wait for it before they look whose the event is; nobody else is to wait with it
     */
    Mono<Answer> settle(Settlement settlement, Runnable sent, boolean isLate) {
        return (isLate ? late : outcomes).submit(new Request(settlement, sent));
    }

    Mono<SettleResult> extend(Settlement extension) {
        return extensions.submit(extension);
    }

    /** Outcomes are about to be said, many at once: they are sent together, when this is let go. */
    void hold() {
        outcomes.hold();
    }

    void letGo() {
        outcomes.letGo();
    }

    /** All that is said now is said at once: it is sent together, when it is {@link #gathered}. */
    void gather() {
        outcomes.gather();
    }

    void gathered() {
        outcomes.gathered();
    }

    Mono<Void> drained() {
        return outcomes.drained().then(late.drained()).then(extensions.drained());
    }

    int open() {
        return outcomes.open() + late.open() + extensions.open();
    }

    void abort(EventException reason) {
        outcomes.abort(reason);
        late.abort(reason);
        extensions.abort(reason);
    }

    private Mono<List<Answer>> send(List<Request> batch) {
        batch.forEach(request -> request.sent().run());
        List<Settlement> settlements = batch.stream().map(Request::settlement).toList();
        Successions takers = successions;
        Successions.Succession along = takers == null ? null : takers.begin(settlements);
        tookAlong = along != null;
        return along == null ? alone(settlements) : together(settlements, along);
    }

    private Mono<List<Answer>> sendLate(List<Request> batch) {
        batch.forEach(request -> request.sent().run());
        return alone(batch.stream().map(Request::settlement).toList());
    }

    private Mono<List<Answer>> alone(List<Settlement> settlements) {
        return persistently(settlements).map(results -> answers(settlements, new Settled(results, null)));
    }

    /** Once only: whether what is tried again was done, and took something along, is not known. Results are told first. */
    private Mono<List<Answer>> together(List<Settlement> settlements, Successions.Succession along) {
        return Mono.defer(() -> backend.settle(settlements, along.claim()))
                .doOnNext(settled -> along.answered(settled.next()))
                .cache() // goes on when the batch takes too long
                .map(settled -> answers(settlements, settled))
                .doFinally(end -> along.end())
                .onErrorResume(Settler::isPassing, error -> alone(settlements));
    }

    /** The batcher checks that there are as many as were sent. */
    private static List<Answer> answers(List<Settlement> settlements, Settled settled) {
        Predicate<Settlement> leaves = settled.leaves();
        Iterator<Settlement> sent = settlements.iterator();
        return settled.results().stream()
                .map(result -> new Answer(result, sent.hasNext() && leaves.test(sent.next())))
                .toList();
    }

    /** A renewal and a user's extension of the same lease may meet in a batch: the longer one serves both. */
    private Mono<List<SettleResult>> extend(List<Settlement> batch) {
        Map<Leased, Settlement> longest = new LinkedHashMap<>();
        batch.forEach(extension -> longest.merge(Leased.by(extension), extension, Settler::longer));
        return persistently(List.copyOf(longest.values())).map(results -> {
            Map<Leased, SettleResult> answers = new HashMap<>();
            Iterator<SettleResult> next = results.iterator();
            longest.keySet().forEach(leased -> answers.put(leased, next.next()));
            return batch.stream()
                    .map(extension -> Objects.requireNonNull(answers.get(Leased.by(extension))))
                    .toList();
        });
    }

    private static Settlement longer(Settlement one, Settlement other) {
        return one.after().compareTo(other.after()) >= 0 ? one : other;
    }

    private record Leased(UUID event, UUID token) {
        static Leased by(Settlement settlement) {
            return new Leased(settlement.eventId(), settlement.leaseToken());
        }
    }

    private Mono<List<SettleResult>> persistently(List<Settlement> batch) {
        long deadline = time.nanos() + lease.toNanos();
        return Mono.defer(() -> backend.settle(batch))
                .retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(50))
                        .maxBackoff(Duration.ofSeconds(1))
                        .scheduler(time.scheduler())
                        .filter(error -> isPassing(error) && time.nanos() - deadline < 0)
                        .onRetryExhaustedThrow((spec, signal) -> signal.failure()));
    }

    private static boolean isPassing(Throwable error) {
        return error instanceof EventException.Unavailable || error instanceof EventException.OutcomeUnknown;
    }
}
