package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;

/** Errors of a user's that fail to say what they are: a logger, or whoever keeps their reason, gets another error instead. */
class UnspeakableErrorsTest extends VirtualTimeEngine {

    enum Unspeakable {
        SILENT {
            @Override
            RuntimeException make() {
                return new RuntimeException() {
                    @Override
                    public String toString() {
                        throw new IllegalStateException("thrown by toString");
                    }
                };
            }
        },
        CYCLIC {
            @Override
            RuntimeException make() {
                return new RuntimeException() {
                    @Override
                    @SuppressWarnings("InfiniteRecursion")
                    public String toString() {
                        return toString();
                    }
                };
            }
        },
        WITH_A_CAUSE_THAT_THROWS {
            @Override
            RuntimeException make() {
                return new RuntimeException() {
                    @Override
                    public synchronized Throwable getCause() {
                        throw new LinkageError("thrown by getCause");
                    }
                };
            }
        };

        abstract RuntimeException make();
    }

    private final AtomicInteger calls = new AtomicInteger();

    private EventHandler failingFirst(Throwable failure) {
        return message -> calls.getAndIncrement() == 0 ? Mono.error(failure) : Mono.empty();
    }

    private List<Outcome> outcomes() {
        return backend.settlements.stream().map(Settlement::outcome).toList();
    }

    @ParameterizedTest
    @EnumSource
    void suchAFailureIsRetriedAndHarmsOnlyItsEvent(Unspeakable error) {
        backend.store(2);
        EventListener listener = channel.listen("orders", failingFirst(error.make()), ListenOptions.defaults());

        assertThat(outcomes()).containsExactly(Outcome.RETRY, Outcome.ACK);
        assertThat(backend.settlements.get(0).reason()).contains(UnspeakableErrorsTest.class.getName());
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 1, 1, 0, 1, 1, 0, 0));
    }

    @ParameterizedTest
    @EnumSource
    void atItsLastAttemptItMakesADeadLetter(Unspeakable error) {
        backend.store(2);
        ListenOptions once = ListenOptions.defaults().withMaxAttempts(1);
        EventListener listener = channel.listen("orders", failingFirst(error.make()), once);

        assertThat(outcomes()).containsExactly(Outcome.DEAD, Outcome.ACK);
        assertThat(listener.state()).isEqualTo(State.RUNNING);
    }

    @ParameterizedTest
    @EnumSource
    void theNextOfItsKeyFollows(Unspeakable error) {
        backend.store(2);
        channel.listen(
                "orders",
                failingFirst(error.make()),
                ListenOptions.defaults().withConcurrency(2).withKeyedConcurrency(message -> "key"));

        assertThat(outcomes()).containsExactly(Outcome.RETRY, Outcome.ACK);
    }

    @ParameterizedTest
    @EnumSource
    void aKeyThatCannotBeToldForItFailsItsEventAlone(Unspeakable error) {
        backend.store(3);
        EventListener listener = channel.listen(
                "orders",
                message -> Mono.empty(),
                ListenOptions.defaults().withKeyedConcurrency(message -> key(error)));

        assertThat(outcomes()).containsExactly(Outcome.RETRY, Outcome.ACK, Outcome.ACK);
        assertThat(listener.state()).isEqualTo(State.RUNNING);
    }

    private String key(Unspeakable error) {
        if (calls.getAndIncrement() == 0) {
            throw error.make();
        }
        return "key";
    }

    @ParameterizedTest
    @EnumSource
    void aSubscriberThatThrowsItIsCancelled(Unspeakable error) {
        backend.store(3);
        channel.subscribe("orders").subscribe(new Thrower(error));

        assertThat(outcomes()).containsExactly(Outcome.RELEASE, Outcome.RELEASE);
    }

    private record Thrower(Unspeakable error) implements CoreSubscriber<EventMessage> {

        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(3);
        }

        @Override
        public void onNext(EventMessage message) {
            throw error.make();
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onComplete() {}
    }
}
