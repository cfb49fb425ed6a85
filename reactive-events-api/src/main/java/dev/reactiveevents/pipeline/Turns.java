package dev.reactiveevents.pipeline;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/** Of each key one at a time, in the order in which they asked. */
final class Turns {

    /** Who waits behind the one whose turn it is; guarded by itself. */
    private final Map<String, Queue<MonoSink<Void>>> waiting = new HashMap<>();

    private final Queue<MonoSink<Void>> next = new ConcurrentLinkedQueue<>();
    private final AtomicInteger work = new AtomicInteger();

    /** Completes when it is this one's turn, which is to be ended. */
    Mono<Void> begin(String key) {
        return Mono.create(sink -> {
            if (takes(key, sink)) {
                sink.success();
            }
        });
    }

    private boolean takes(String key, MonoSink<Void> sink) {
        synchronized (waiting) {
            Queue<MonoSink<Void>> behind = waiting.get(key);
            if (behind == null) {
                waiting.put(key, new ArrayDeque<>(0));
                return true;
            }
            behind.add(sink);
            return false;
        }
    }

    /** In a loop, because what begins may end at once, and the next one, and the next one. */
    void end(String key) {
        MonoSink<Void> follower = follower(key);
        if (follower == null) {
            return;
        }
        next.add(follower);
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            MonoSink<Void> begins;
            while ((begins = next.poll()) != null) {
                begins.success();
            }
            missed = work.addAndGet(-missed);
        } while (missed != 0);
    }

    private @Nullable MonoSink<Void> follower(String key) {
        synchronized (waiting) {
            Queue<MonoSink<Void>> behind = waiting.get(key);
            MonoSink<Void> follower = behind == null ? null : behind.poll();
            if (follower == null) {
                waiting.remove(key);
            }
            return follower;
        }
    }
}
