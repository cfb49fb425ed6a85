package dev.reactiveevents.blocking;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.blocking.Answer.Question;
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

/** The listeners that a bridge has started: the channel's, with threads for their handlers. Waits for their begin and end. */
final class BlockingListeners {

    private static final Logger LOG = Loggers.getLogger(BlockingListeners.class);

    /** How long the outcomes of handlers that were interrupted may take to be stored. */
    private static final Duration GRACE = Duration.ofSeconds(5);

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
    private final Duration timeout;
    private final @Nullable Executor executor;
    private final Map<String, Running> running = new ConcurrentHashMap<>();

    BlockingListeners(EventChannel events, BlockingOptions options) {
        this.events = events;
        this.timeout = options.timeout();
        this.executor = options.executor();
    }

    /** Answers once it is ready. */
    EventListener listen(
            String channel, Consumer<? super EventMessage> handler, @Nullable ListenOptions listenOptions) {
        String attempted = "A listener of " + channel + " was to be started";
        CallingThread.requireNotInterrupted(attempted);
        if (listenOptions == null) {
            throw new EventException.Invalid(attempted + " with options that were null; give some, or leave them out.");
        }
        if (handler == null) {
            throw new EventException.Invalid(attempted + " with a handler that was null; give what is to be done.");
        }
        EventListener listener = start(channel, handler, listenOptions);
        try {
            Answer.to(listener.ready(), timeout, Question.read(attempted));
        } catch (RuntimeException failure) {
            stop(listener.id(), Duration.ZERO).subscribe(stopped -> {}, error -> {});
            throw failure;
        }
        return listener;
    }

    private EventListener start(String channel, Consumer<? super EventMessage> handler, ListenOptions options) {
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
        EventHandler blocking = message -> Mono.deferContextual(
                        context -> Mono.<Void>fromRunnable(() -> HandlerContext.run(context, handler, message)))
                .subscribeOn(threads);
        EventListener listener = events.listen(channel, blocking, options);
        running.put(listener.id(), new Running(listener, own));
        return listener;
    }

    /** Answers true once it has stopped, false if none of this id runs here. */
    boolean stop(@Nullable String id) {
        if (id == null) {
            throw new EventException.Invalid("The id of a listener to be stopped was null; give the one it has.");
        }
        Question question = Question.read("Listener " + id + " was to be stopped");
        return Boolean.TRUE.equals(Answer.to(stop(id, timeout), timeout.plus(GRACE), question));
    }

    private Mono<Boolean> stop(String id, Duration handlersHave) {
        return Mono.defer(() -> {
            Running found = running.get(id);
            return found == null
                    ? Mono.just(false)
                    : found.stop(handlersHave).then(Mono.fromSupplier(() -> running.remove(id) != null));
        });
    }

    /** Waits for a while; also if nobody waits for it any more, they stop. */
    void stopAll() {
        Mono<Void> stopped = Mono.when(
                        running.keySet().stream().map(id -> stop(id, timeout)).toList())
                .cache();
        stopped.subscribe(nothing -> {}, error -> {});
        try {
            Answer.to(stopped, timeout.plus(GRACE), Question.read("The listeners of a blocking channel were to stop"));
        } catch (EventException notWaitedFor) {
            LOG.warn("A blocking channel was closed without waiting for its listeners: {}", notWaitedFor.getMessage());
        }
    }

    boolean isEmpty() {
        return running.isEmpty();
    }
}
