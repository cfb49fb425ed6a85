package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventContext;
import java.time.Duration;
import java.util.concurrent.Callable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;

/** What an application without Micrometer does; run by class loaders that do not have it. Answers what its handler found. */
public final class WithoutMicrometer implements Callable<String> {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Override
    public String call() {
        R2dbcEventChannel events = TestDatabase.h2().migrated().builder().build();
        Sinks.One<String> handled = Sinks.one();
        events.listen(
                "orders",
                message -> Mono.deferContextual(context -> {
                    handled.tryEmitValue(
                            message.payloadText() + " because of " + context.get(EventContext.CORRELATION_ID));
                    return Mono.empty();
                }));
        events.publish("orders", 1)
                .contextWrite(Context.of(EventContext.CORRELATION_ID, "order-42"))
                .block(LIMIT);
        String found = handled.asMono().block(LIMIT);
        events.shutdown().block(LIMIT);
        return found + ", " + events.snapshot().totals().acked() + " acked";
    }
}
