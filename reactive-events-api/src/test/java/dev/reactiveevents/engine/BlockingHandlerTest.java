package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** Handlers that block, on threads of their own. */
class BlockingHandlerTest extends VirtualTimeEngine {

    private final CompletableFuture<String> begun = new CompletableFuture<>();
    private final CompletableFuture<String> interrupted = new CompletableFuture<>();

    /** Notes its thread, and blocks until that is interrupted. */
    private final Consumer<EventMessage> work = message -> {
        begun.complete(Thread.currentThread().getName());
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException stopped) {
            interrupted.complete(Thread.currentThread().getName());
        }
    };

    private void assertInterruptedWhenCancelled(EventHandler handler) throws Exception {
        Disposable handling = handler.handle(delivered()).subscribe();
        String thread = begun.get(10, TimeUnit.SECONDS);
        assertThat(interrupted).isNotDone();
        handling.dispose();

        assertThat(interrupted.get(10, TimeUnit.SECONDS)).isEqualTo(thread);
    }

    @Test
    void itsThreadIsInterruptedWhenItIsCancelled() throws Exception {
        assertInterruptedWhenCancelled(EventHandler.blocking(work));
    }

    @Test
    void aThreadOfAGivenSchedulerIsInterruptedToo() throws Exception {
        Scheduler own = Schedulers.newBoundedElastic(1, 1, "own");
        try {
            assertInterruptedWhenCancelled(EventHandler.blocking(work, own));
            assertThat(begun.get()).startsWith("own");
        } finally {
            own.dispose();
        }
    }
}
