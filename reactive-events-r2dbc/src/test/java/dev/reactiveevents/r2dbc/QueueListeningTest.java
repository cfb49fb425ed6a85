package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.QueueListening.Arrival;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Dequeues whose answers the test writes, in the order that the test wants. */
class QueueListeningTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final OracleDialect oracle = new OracleDialect();
    private final QueueSessions sessions = new QueueSessions(new AdvancedQueueModel(), oracle, 2);
    private final Queue<Mono<Incoming>> looks = new ArrayDeque<>();
    private final List<Sinks.One<Incoming>> waits = new ArrayList<>();
    private final List<String> seen = new ArrayList<>();
    private Runnable whileAWaitBegins = () -> {};
    private boolean heard = true;

    private final QueueListening listening = new QueueListening(
            "orders",
            new QueueNames("shop"),
            (AdvancedQueueStatements) Proxy.newProxyInstance(
                    getClass().getClassLoader(),
                    new Class<?>[] {AdvancedQueueStatements.class},
                    (proxy, method, arguments) -> dequeue((Duration) arguments[3])),
            sessions,
            new Failures(oracle, QueueTable.of("queue")),
            Duration.ofSeconds(5),
            new QueueListening.News() {
                @Override
                public void tell() {
                    seen.add("told");
                }

                @Override
                public boolean isHeard() {
                    return heard;
                }
            });

    private Mono<Incoming> dequeue(Duration wait) {
        if (wait.isZero()) {
            Mono<Incoming> look = looks.poll();
            return look == null ? Mono.empty() : look;
        }
        Sinks.One<Incoming> answer = Sinks.one();
        waits.add(answer);
        whileAWaitBegins.run();
        return answer.asMono().doOnCancel(() -> seen.add("called off"));
    }

    private static Incoming message() {
        return new Incoming(UUID.randomUUID(), "orders", 1, "{}");
    }

    @Test
    void whatComesWhileItIsWaitedForIsToldAndKept() {
        assertThat(listening.next().block(LIMIT)).isNull();
        Incoming message = message();
        waits.get(0).tryEmitValue(message);
        Incoming kept = listening.next().map(Arrival::message).block(LIMIT); // it is not kept for long
        assertThat(seen).containsExactly("told");
        assertThat(kept).isEqualTo(message);
    }

    /** Its session is closed at that moment: left alone it would take a message that nobody sees, and be committed. */
    @Test
    void aDequeueThatIsCalledOffWhileItBeginsIsCancelled() {
        whileAWaitBegins = listening::rest;
        assertThat(listening.next().block(LIMIT)).isNull();
        assertThat(waits).hasSize(1);
        assertThat(seen).containsExactly("called off");
    }

    @Test
    void nothingIsWaitedForThatNobodyHears() {
        heard = false;
        assertThat(listening.next().block(LIMIT)).isNull();
        assertThat(waits).isEmpty();
        heard = true;
        assertThat(listening.next().block(LIMIT)).isNull();
        assertThat(waits).hasSize(1);
    }

    @Test
    void nothingIsWaitedForBesideWhatHasArrived() {
        Sinks.One<Incoming> slow = Sinks.one();
        looks.add(slow.asMono());
        listening.next().subscribe();
        awaitUntilAsked();
        assertThat(listening.next().block(LIMIT)).isNull();
        Incoming message = message();
        waits.get(0).tryEmitValue(message);
        slow.tryEmitEmpty();
        int begun = waits.size();
        Incoming kept = listening.next().map(Arrival::message).block(LIMIT); // it is not kept for long
        assertThat(begun).isEqualTo(1);
        assertThat(kept).isEqualTo(message);
    }

    private void awaitUntilAsked() {
        Mono.fromSupplier(looks::isEmpty)
                .filter(asked -> asked)
                .repeatWhenEmpty(none -> none.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
    }
}
