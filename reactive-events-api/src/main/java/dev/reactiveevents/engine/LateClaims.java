package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.SignalType;

/**
 * What is claimed too late. Nobody waits for the answer any more, but the database may have leased events all the same: the
 * answer is heard, and they are given back, as if they had never been taken.
 */
final class LateClaims {

    /** Each holds a connection or waits for one. Those beyond are cancelled. */
    private static final int MOST = 32;

    private final TimeLimit timeLimit;
    private final Settler settler;
    private final Dealer dealer;
    private final Dequeuer dequeuer;
    private final AtomicInteger open = new AtomicInteger();

    LateClaims(TimeLimit timeLimit, Settler settler, Dealer dealer, Dequeuer dequeuer) {
        this.timeLimit = timeLimit;
        this.settler = settler;
        this.dealer = dealer;
        this.dequeuer = dequeuer;
    }

    /** How many are on their way. */
    int open() {
        return open.get();
    }

    /** The answer to a claim or, if it takes too long, a {@link java.util.concurrent.TimeoutException}. */
    Mono<List<Claimed>> unlessLate(Claim claim, Mono<List<Claimed>> work) {
        return Mono.create(sink -> new Asked(claim, sink).start(work));
    }

    /** By the lane of what is late: since it is not known when the leases began, they may be over. */
    void giveBack(Claim claim, Claimed claimed) {
        dealer.tellExhausted(claimed);
        for (ClaimedEvent event : claimed.events()) {
            Settlement release = new Settlement(
                    Outcome.RELEASE,
                    event.channel(),
                    event.eventId(),
                    event.key(),
                    claim.leaseToken(),
                    Duration.ZERO,
                    null);
            settler.settle(release, () -> {}, true).subscribe(answer -> released(release, answer), error -> {});
        }
    }

    private void released(Settlement release, Settler.Answer answer) {
        if (answer.result() == SettleResult.APPLIED && answer.frees()) {
            dequeuer.wake(Set.of(release.channel()));
        }
    }

    private void isOver() {
        open.decrementAndGet();
        dequeuer.claimIsOver();
    }

    private enum Progress {
        ASKED,
        TOLD,
        LATE
    }

    /** Who is told what comes first: the answer, the failure or the time limit. */
    private final class Asked extends BaseSubscriber<List<Claimed>> implements TimeLimit.UnderWay {

        private final Claim claim;
        private final MonoSink<List<Claimed>> sink;
        private final AtomicReference<Progress> progress = new AtomicReference<>(Progress.ASKED);

        Asked(Claim claim, MonoSink<List<Claimed>> sink) {
            this.claim = claim;
            this.sink = sink;
        }

        void start(Mono<List<Claimed>> work) {
            timeLimit.started(this);
            work.subscribe(this);
        }

        private boolean isInTime() {
            return progress.compareAndSet(Progress.ASKED, Progress.TOLD);
        }

        @Override
        protected void hookOnNext(List<Claimed> answers) {
            if (isInTime()) {
                timeLimit.ended(this);
                sink.success(answers);
            } else {
                answers.forEach(claimed -> giveBack(claim, claimed));
            }
        }

        @Override
        protected void hookOnComplete() {
            if (isInTime()) {
                sink.success();
            }
        }

        @Override
        protected void hookOnError(Throwable error) {
            if (isInTime()) {
                sink.error(error);
            }
        }

        /** Counts as open before it looks whether it is late, so that a shutdown waits for what it brings. */
        @Override
        public void end(Throwable reason) {
            boolean isOneTooMany = open.incrementAndGet() > MOST;
            if (!progress.compareAndSet(Progress.ASKED, Progress.LATE)) {
                isOver();
                return;
            }
            sink.error(reason);
            if (isOneTooMany) {
                cancel(); // which may throw
            }
        }

        @Override
        protected void hookFinally(SignalType end) {
            timeLimit.ended(this);
            if (progress.get() == Progress.LATE) {
                isOver();
            }
        }
    }
}
