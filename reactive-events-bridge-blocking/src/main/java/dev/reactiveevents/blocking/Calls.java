package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import dev.reactiveevents.blocking.Answer.Question;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/** What all calls of a bridge have in common: that they may be made here and now, and how long they wait. */
final class Calls {

    private final Duration timeout;
    private volatile boolean closed;

    Calls(Duration timeout) {
        this.timeout = timeout;
    }

    /**
     * Makes a reactive call and waits for its answer.
     *
     * @param call its name here
     * @param reactive whose it is, for those who must not wait
     */
    <T> T ask(String call, String reactive, Question question, Supplier<Mono<T>> work) {
        require(call, reactive);
        return Objects.requireNonNull(Answer.to(work.get(), timeout, question), "The channel's answer was empty.");
    }

    void require(String call, String reactive) {
        CallingThread.requireMayBlock(() -> "The blocking " + call + "(…)", reactive);
        if (closed) {
            throw new EventException.Closed(
                    "The blocking " + call + "(…) was called after its blocking channel was closed.");
        }
    }

    void close() {
        closed = true;
    }

    boolean isClosed() {
        return closed;
    }
}
