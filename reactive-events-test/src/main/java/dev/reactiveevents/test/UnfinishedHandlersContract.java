package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** What becomes of events whose handlers do not come to an end in time. */
abstract class UnfinishedHandlersContract extends ContractGroup {

    private static final ListenOptions ONE = ListenOptions.defaults();

    private final Inbox inbox = new Inbox(0);

    UnfinishedHandlersContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsComeAgain() {
        requires(Capability.RETRY);
    }

    private EventListener listen(EventChannel events, EventHandler handler, ListenOptions options) {
        EventListener listener = events.listen(channel, handler, options);
        awaitEnd(listener.ready());
        return listener;
    }

    private EventListener listen(EventChannel events, EventHandler handler) {
        return listen(events, handler, ONE);
    }

    /** Notes that a handler has begun; its work is what comes after. */
    private EventHandler noting(Mono<Void> work) {
        return message ->
                Mono.<Void>fromRunnable(() -> inbox.hookOnNext(message)).then(work);
    }

    /** Who ends its handlers in time is alive: a suspect would keep the other channels waiting. */
    @Test
    void aHandlerThatNeverEndsMakesADeadLetterThatSaysSoAndHoldsUpNobody() {
        requires(Capability.DEAD_LETTERS);
        EventChannel events = open(RENEWING.withRetryPolicy(RetryPolicy.fixed(Duration.ZERO)));
        Duration most = Duration.ofMillis(50); // as little as possible of the lease: what is late is a lapse
        EventListener listener =
                listen(events, noting(Mono.never()), ONE.withMaxAttempts(4).withMaxProcessingTime(most));
        EventMessage held = keptOf(newChannelName(), events); // no suspect is delivered meanwhile
        String id = await(events.publish(channel, "endless"));

        assertThat(inbox.next(4)).extracting(EventMessage::attempts).containsExactly(1, 2, 3, 4);
        awaitUntil(() -> listener.counts().deadLettered() == 1);
        assertThat(await(held.ack())).isTrue();
        DeadLetter dead = await(
                events.deadLetters(channel).browse(DeadLetterQuery.oldest(2)).single());
        assertThat(dead.eventId()).isEqualTo(id);
        assertThat(dead.reason()).contains("took longer than " + most);
        awaitEnd(listener.stop(AWAIT));
        EventListener.Counts counts = listener.counts();
        assertThat(counts.timedOut()).isEqualTo(4);
        assertThat(counts.retried()).isEqualTo(3);
        assertThat(counts.deadLettered()).isEqualTo(1);
        assertThat(counts.failed()).isZero();
        assertThat(counts.lost()).isZero();
    }

    /** An event in hand, whose lease lasts. */
    private EventMessage keptOf(String other, EventChannel events) {
        await(events.publish(other, "kept"));
        EventMessage message = await(events.receive(other, AWAIT));
        assertThat(await(message.extend(AWAIT.multipliedBy(2)))).isTrue();
        return message;
    }

    @Test
    void whatTookTooLongDoesNotComeAgainBeforeItsLeaseIsOver() {
        EventChannel events = open(RENEWING.withRetryPolicy(RetryPolicy.fixed(Duration.ZERO)));
        listen(events, noting(Mono.never()), ONE.withMaxProcessingTime(Duration.ofMillis(50)));
        publish(events, 1);
        EventMessage first = inbox.next();
        assertThat(inbox.next().attempts()).isEqualTo(2);

        assertThat(first.isLeaseLost()).isTrue();
    }

    /** Kept by a handler that has completed, for longer than its lease is renewed. */
    @Test
    void whatSomebodyElseHasByNowIsSeenToBeLostAndIsCounted() {
        EventChannel events = open(RENEWING);
        EventListener listener = listen(
                events, noting(Mono.empty()), ONE.withAutoAck(false).withMaxProcessingTime(Duration.ofMillis(500)));
        publish(events, 1);
        EventMessage kept = inbox.next();
        awaitEnd(listener.stop(AWAIT)); // so that it is somebody else who takes it
        EventMessage taken = await(open().receive(channel, AWAIT));
        assertThat(taken.attempts()).isEqualTo(2);

        assertThat(kept.isLeaseLost()).isTrue();
        assertThat(listener.counts().lost()).isZero();
        assertThat(await(kept.ack())).isFalse();
        assertThat(listener.counts().lost()).isEqualTo(1);
        assertThat(listener.counts().acked()).isZero();
        assertThat(await(taken.ack())).isTrue();
    }

    @Test
    void whatACompletedHandlerHasLeftToSomebodyElseStaysWithThemAfterTheStop() {
        EventChannel events = open(RENEWING);
        EventListener listener = listen(events, noting(Mono.empty()), ONE.withAutoAck(false));
        publish(events, 1);
        EventMessage kept = inbox.next();
        awaitEnd(listener.stop(AWAIT));
        Inbox other = subscribe(open());
        awaitLapse(RENEWED_LEASE);

        other.assertEmpty();
        assertThat(await(kept.ack())).isTrue();
    }

    /** That its consumer had to end is no reason for a dead letter. */
    @Test
    void whatIsStoppedAtItsLastAttemptIsGivenBackAtOnceToo() {
        EventChannel events = open(OPTIONS.withMaxAttempts(1).withPollInterval(NO_POLLING));
        EventListener listener = listen(events, noting(Mono.never()));
        publish(events, 1);
        String id = inbox.next().eventId();
        awaitEnd(listener.stop(Duration.ZERO));
        EventMessage again = subscribe(events).next(AT_ONCE);

        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).as("as often as allowed, and no more").isEqualTo(1);
        assertThat(listener.counts().deadLettered()).isZero();
        assertThat(await(again.ack())).isTrue();
    }

    @Test
    void whatTheShutdownEndsAtItsLastAttemptIsGivenBackAtOnceToo() {
        EventChannel events = open(OPTIONS.withMaxAttempts(1));
        EventListener listener = listen(events, noting(Mono.never()));
        publish(events, 1);
        String id = inbox.next().eventId();
        awaitEnd(events.shutdown());

        assertThat(listener.counts().deadLettered()).isZero();
        assertThat(subscribe(open()).next(AT_ONCE).eventId()).isEqualTo(id);
    }
}
