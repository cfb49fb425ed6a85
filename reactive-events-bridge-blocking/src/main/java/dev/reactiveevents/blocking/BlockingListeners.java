package dev.reactiveevents.blocking;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;

/** The listeners that a bridge has started: the channel's, with threads for their handlers. */
final class BlockingListeners {

    private static final Logger LOG = Loggers.getLogger(BlockingListeners.class);

    /** A listener, and the threads that were made for it alone. */
    private record Running(EventListener listener, @Nullable Scheduler threads) {

        Mono<Void> stop(Duration timeout) {
            return listener.stop(timeout).doOnTerminate(() -> {
                if (threads != null) {
                    threads.dispose();
                }
            });
        }
    }

    private final EventChannel events;
    private final @Nullable Executor executor;
    private final Map<String, Running> running = new ConcurrentHashMap<>();

    BlockingListeners(EventChannel events, @Nullable Executor executor) {
        this.events = events;
        this.executor = executor;
    }

    EventListener start(String channel, Consumer<? super EventMessage> handler, ListenOptions options) {
        if (executor != null) {
            return start(channel, handler, options, Schedulers.fromExecutor(executor), null);
        }
        Scheduler own = Schedulers.fromExecutorService(HandlerThreads.of(channel, options.concurrency()));
        return start(channel, handler, options, own, own);
    }

    private EventListener start(
            String channel,
            Consumer<? super EventMessage> handler,
            ListenOptions options,
            Scheduler threads,
            @Nullable Scheduler own) {
        EventListener listener = events.listen(channel, EventHandler.blocking(handler, threads), options);
        running.put(listener.id(), new Running(listener, own));
        return listener;
    }

    /** Answers true once it has stopped, false if none of this id runs here. */
    Mono<Boolean> stop(String id, Duration timeout) {
        return Mono.defer(() -> {
            Running found = running.get(id);
            return found == null
                    ? Mono.just(false)
                    : found.stop(timeout).then(Mono.fromSupplier(() -> running.remove(id) != null));
        });
    }

    /** Waits for a while; also if nobody waits for it any more, they stop. */
    void stopAll(Duration timeout, Duration longest) {
        Mono<Void> stopped = Mono.when(
                        running.keySet().stream().map(id -> stop(id, timeout)).toList())
                .cache();
        stopped.subscribe(nothing -> {}, error -> {});
        try {
            Answer.to(stopped, longest, Answer.Question.read("The listeners of a blocking channel were to stop"));
        } catch (EventException notWaitedFor) {
            LOG.warn("A blocking channel was closed without waiting for its listeners: {}", notWaitedFor.getMessage());
        }
    }

    boolean isEmpty() {
        return running.isEmpty();
    }
}
