package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Enlistment;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** What is settled when its lease is over may wait for whoever has the event by now, but nobody else waits with it. */
class LateSettlementsTest extends VirtualTimeEngine {

    private final Sinks.One<List<SettleResult>> late = Sinks.one();
    private final List<Boolean> answers = new ArrayList<>();

    private List<EventMessage> delivered(int count) {
        backend.store(count);
        return subscribe("orders", SubscribeOptions.defaults().withRenewLeases(false), count)
                .getReceivedOnNext();
    }

    private void acknowledgeLate(int count) {
        List<EventMessage> messages = delivered(count);
        advance(Duration.ofMinutes(1));
        backend.onSettle = batch -> late.asMono();
        messages.forEach(message -> message.ack().subscribe(answers::add));
        backend.onSettle = ScriptedBackend::applyAll;
    }

    @Test
    void theOthersAreSentApart() {
        acknowledgeLate(2);
        List<Boolean> others = new ArrayList<>();
        delivered(1).get(0).ack().subscribe(others::add);
        assertThat(others).containsExactly(true);
        assertThat(answers).isEmpty();

        late.tryEmitValue(List.of(SettleResult.LOST));
        assertThat(answers).containsExactly(false, true);
    }

    @Test
    void soIsWhatATransactionLeavesThatMayStillHaveTheRow() {
        List<EventMessage> messages = delivered(3);
        backend.onSettle = batch -> late.asMono();
        for (EventMessage message : messages.subList(0, 2)) {
            Enlistment enlisted = EventChannels.enlist(channel, message);
            enlisted.lost();
            enlisted.rolledBack();
            enlisted.failed(new IllegalStateException("failed")).subscribe(answers::add);
        }
        backend.onSettle = ScriptedBackend::applyAll;
        List<Boolean> others = new ArrayList<>();
        messages.get(2).ack().subscribe(others::add);

        assertThat(others).containsExactly(true);
        assertThat(answers).isEmpty();
    }

    /** What was cancelled may be at work all the same. */
    @Test
    void whatIsTakenBackFromSuchATransactionDoesNotComeAgainBeforeItsLeaseIsOver() {
        EventListener listener = channel.listen(
                "orders",
                message -> Mono.usingWhen(
                        Mono.just(EventChannels.enlist(channel, message)),
                        enlisted -> Mono.never(),
                        enlisted -> Mono.empty(),
                        (enlisted, failure) -> Mono.empty(),
                        enlisted -> Mono.fromRunnable(() -> {
                            enlisted.lost();
                            enlisted.rolledBack();
                        })),
                ListenOptions.defaults()
                        .withRetry(RetryPolicy.fixed(Duration.ZERO))
                        .withMaxProcessingTime(Duration.ofSeconds(1)));
        backend.store(1);
        advance(Duration.ofSeconds(5));

        assertThat(listener.counts().timedOut()).isEqualTo(1);
        assertThat(backend.settlements).singleElement().satisfies(again -> {
            assertThat(again.outcome()).isEqualTo(Outcome.RETRY);
            assertThat(again.after()).isGreaterThan(Duration.ofSeconds(30));
        });
    }

    /** Nobody could take it before. */
    @Test
    void whatATransactionHadUntilNowIsNotLate() {
        List<EventMessage> messages = delivered(2);
        Enlistment enlisted = EventChannels.enlist(channel, messages.get(1));
        advance(Duration.ofMinutes(1));
        backend.onSettle = batch -> late.asMono();
        messages.get(0).ack().subscribe(answers::add);
        backend.onSettle = ScriptedBackend::applyAll;
        enlisted.rolledBack();
        enlisted.failed(new IllegalStateException("failed")).subscribe(answers::add);

        assertThat(answers).containsExactly(true);
        assertThat(backend.settlements).hasSize(2);
    }

    /** Others could take it before. */
    @Test
    void whatATransactionGotOnlyWhenItsLeaseWasOverIsLate() {
        List<EventMessage> messages = delivered(2);
        advance(Duration.ofMinutes(1));
        backend.onSettle = batch -> late.asMono();
        for (EventMessage message : messages) {
            Enlistment enlisted = EventChannels.enlist(channel, message);
            enlisted.rolledBack();
            enlisted.failed(new IllegalStateException("failed")).subscribe(answers::add);
        }
        assertOthersDoNotWait();
    }

    /** It was in time, but others could take it when its lease was over. */
    @Test
    void soIsWhatATransactionNeverGot() {
        List<EventMessage> messages = delivered(2);
        List<Enlistment> enlistments = messages.stream()
                .map(message -> EventChannels.enlist(channel, message))
                .toList();
        advance(Duration.ofMinutes(1));
        backend.onSettle = batch -> late.asMono();
        for (Enlistment enlisted : enlistments) {
            enlisted.refused();
            enlisted.failed(new IllegalStateException("failed")).subscribe(answers::add);
        }
        advance(Duration.ofSeconds(1)); // for as long their consumer would be given others ahead
        assertOthersDoNotWait();
    }

    @Test
    void soIsWhatATransactionWasRefused() {
        List<EventMessage> messages = delivered(2);
        advance(Duration.ofMinutes(1));
        backend.onSettle = batch -> late.asMono();
        for (EventMessage message : messages) {
            Mono<Boolean> refusedFirst = Mono.defer(() -> {
                assertThat(EventChannels.enlist(channel, message)).isNull();
                return message.nack();
            });
            ((Delivery) message).takeBack(refusedFirst).subscribe(answers::add);
        }
        assertOthersDoNotWait();
    }

    private void assertOthersDoNotWait() {
        backend.onSettle = ScriptedBackend::applyAll;
        List<Boolean> others = new ArrayList<>();
        delivered(1).get(0).ack().subscribe(others::add);
        assertThat(others).containsExactly(true);
        assertThat(answers).isEmpty();
    }

    @Test
    void aShutdownWaitsForThem() {
        acknowledgeLate(1);
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        assertThat(ends).isEmpty();

        late.tryEmitValue(List.of(SettleResult.APPLIED));
        assertThat(answers).containsExactly(true);
        assertThat(ends).containsExactly("done");
    }
}
