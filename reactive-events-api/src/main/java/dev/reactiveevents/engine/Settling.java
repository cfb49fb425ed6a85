package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** The first outcome that was said of a delivery, and its answer once known. */
class Settling {

    private final Outcome outcome;
    private final Sinks.One<Boolean> answer = Sinks.one();

    Settling(Outcome outcome) {
        this.outcome = outcome;
    }

    Mono<Boolean> answerTo(Settlement asked) {
        return asked.outcome() == outcome ? answer.asMono() : answer.asMono().thenReturn(false);
    }

    void answer(boolean applied) {
        answer.tryEmitValue(applied);
    }

    void fail(Throwable error) {
        answer.tryEmitError(error);
    }
}
