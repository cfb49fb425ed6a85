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
import java.util.function.Supplier;
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
            return listener.stop(timeout).doOnTerminate(this::disposeOfThreads);
        }

        boolean hasEnded() {
            boolean ended = switch (listener.state()) {
                case STOPPED -> true;
                case FAILED -> listener.counts().handling() == 0;
                case STARTING, RUNNING, CUT_OFF, STOPPING -> false;
            };
            if (ended) {
                disposeOfThreads();
            }
            return ended;
        }

        private void disposeOfThreads() {
            if (threads != null) {
                threads.dispose();
            }
        }
    }

    private final EventChannel events;
    private final Duration timeout;
    private final @Nullable Executor executor;
    private final Map<String, Running> running = new ConcurrentHashMap<>();
    private volatile boolean closed;

    BlockingListeners(EventChannel events, BlockingOptions options) {
        this.events = events;
        this.timeout = options.timeout();
        this.executor = options.executor();
    }

    /** Answers once it is ready. */
    EventListener listen(
            String channel, Consumer<? super EventMessage> handler, @Nullable ListenOptions listenOptions) {
        Supplier<String> attempted = () -> "A listener of " + channel + " was to be started";
        CallingThread.requireNotInterrupted(attempted);
        if (listenOptions == null) {
            throw new EventException.Invalid(
                    attempted.get() + " with options that were null; give some, or leave them out.");
        }
        if (handler == null) {
            throw new EventException.Invalid(
                    attempted.get() + " with a handler that was null; give what is to be done.");
        }
        requireOpen(attempted);
        EventListener listener = start(channel, handler, listenOptions);
        try {
            requireOpen(attempted); // again: it may have been closed before this one was known
            Answer.to(listener.ready(), timeout, Question.read(attempted));
        } catch (RuntimeException failure) {
            stop(listener.id(), Duration.ZERO).subscribe(stopped -> {}, error -> {});
            throw failure;
        }
        return listener;
    }

    private void requireOpen(Supplier<String> attempted) {
        if (closed) {
            throw new EventException.Closed(attempted.get() + ", but its blocking channel is closed or being closed.");
        }
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
                context -> EventHandler.blocking(given -> HandlerContext.run(context, handler, given), threads)
                        .handle(message));
        EventListener listener = events.listen(channel, blocking, options);
        forgetThoseThatEndedByThemselves();
        running.put(listener.id(), new Running(listener, own));
        return listener;
    }

    /** They were stopped by their own {@code stop}, by the end of their channel, or by a failure. */
    private void forgetThoseThatEndedByThemselves() {
        running.values().removeIf(Running::hasEnded);
    }

    /** Answers true once it has stopped, false if none of this id runs here. */
    boolean stop(@Nullable String id) {
        if (id == null) {
            throw new EventException.Invalid("The id of a listener to be stopped was null; give the one it has.");
        }
        Question question = Question.read(() -> "Listener " + id + " was to be stopped");
        CallingThread.requireNotInterrupted(question.attempted()); // before it begins
        return Boolean.TRUE.equals(Answer.to(also(stop(id, timeout)), timeout.plus(GRACE), question));
    }

    private Mono<Boolean> stop(String id, Duration handlersHave) {
        return Mono.defer(() -> {
            Running found = running.get(id);
            return found == null
                    ? Mono.just(false)
                    : found.stop(handlersHave).then(Mono.fromSupplier(() -> {
                        running.remove(id);
                        return true;
                    }));
        });
    }

    /** Goes on to its end also if nobody waits for it any more. */
    private static <T> Mono<T> also(Mono<T> stopping) {
        Mono<T> stopped = stopping.cache();
        stopped.subscribe(nothing -> {}, error -> {});
        return stopped;
    }

    boolean haveEnded() {
        forgetThoseThatEndedByThemselves();
        return running.isEmpty();
    }

    /** Starts no more, and waits for a while until those that run have stopped; they stop also if that takes longer. */
    void close() {
        closed = true;
        if (haveEnded()) {
            return;
        }
        Mono<Void> stopped = also(
                Mono.when(running.keySet().stream().map(id -> stop(id, timeout)).toList()));
        Question question = Question.read(() -> "The listeners of a blocking channel were to stop");
        try {
            Answer.to(stopped, timeout.plus(GRACE), question);
        } catch (EventException notWaitedFor) {
            LOG.warn("A blocking channel was closed without waiting for its listeners: {}", notWaitedFor.getMessage());
        }
    }
}
