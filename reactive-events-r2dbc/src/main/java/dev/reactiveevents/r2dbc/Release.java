package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import java.time.Duration;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/**
 * Gives connections back. What their work came to is decided by then, so that nothing that goes wrong changes it, and a driver
 * that does not come to the end does not keep it from those who wait for it: r2dbc-mysql's {@code close} waits for whatever the
 * driver takes to be on its way (asyncer-io/r2dbc-mysql, issue 349).
 */
final class Release {

    private static final Logger LOG = Loggers.getLogger(Release.class);

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final boolean blocks;

    /**
     * A release.
     *
     * @param blocks whether the driver blocks the thread that calls it
     */
    Release(boolean blocks) {
        this.blocks = blocks;
    }

    Mono<Void> of(Connection connection) {
        return after(Mono.empty(), connection);
    }

    /**
     * Completes when the connection is given back, or after a while: then it goes on, and nobody waits. A timer is set only if it
     * is not done at once.
     *
     * @param last what is done on the connection first, such as a rollback: until it ends, nobody else is to have it
     */
    Mono<Void> after(Mono<Void> last, Connection connection) {
        return Mono.defer(() -> harmless(last)
                .then(harmless(Mono.defer(() -> Mono.from(connection.close()))))
                .contextWrite(context -> Context.empty())
                .cache()
                .or(Mono.delay(PATIENCE).doOnNext(late -> notYet()).then()));
    }

    /** Does something on a connection that is of no more use if that fails. */
    Mono<Void> harmless(Mono<Void> ending) {
        return (blocks ? ending.subscribeOn(Schedulers.boundedElastic()) : ending).onErrorResume(failure -> {
            LOG.debug("A connection could not be given back in order.", failure);
            return Mono.empty();
        });
    }

    private static void notYet() {
        LOG.warn(
                "A connection was not given back within {}. What it was used for is decided and told; its pool lacks it, or the"
                        + " database has it open, until its driver comes to the end.",
                PATIENCE);
    }
}
