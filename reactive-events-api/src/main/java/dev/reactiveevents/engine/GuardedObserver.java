package dev.reactiveevents.engine;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** An observer whose faults harm no event: they are logged, the first as a warning. Activities end once. */
final class GuardedObserver implements EventObserver {

    private static final Logger LOG = Loggers.getLogger(EventObserver.class);

    private final EventObserver observer;
    private final AtomicBoolean warned = new AtomicBoolean();

    private GuardedObserver(EventObserver observer) {
        this.observer = observer;
    }

    static EventObserver of(EventObserver observer) {
        return observer == NONE || observer instanceof GuardedObserver ? observer : new GuardedObserver(observer);
    }

    private void tell(Runnable what) {
        ask(
                () -> {
                    what.run();
                    return true;
                },
                false);
    }

    private <T> T ask(Supplier<T> what, T otherwise) {
        try {
            return what.get();
        } catch (Throwable thrown) {
            boolean first = warned.compareAndSet(false, true);
            Reasons.log(thrown, told -> log(first, told));
            return otherwise;
        }
    }

    private static void log(boolean first, Throwable failure) {
        if (first) {
            LOG.warn("The observer of a channel failed; more of its failures are logged as DEBUG.", failure);
        } else {
            LOG.debug("The observer of a channel failed.", failure);
        }
    }

    private Activity guarded(Supplier<Activity> begin) {
        Activity activity = ask(begin, Activity.NONE);
        return activity == Activity.NONE ? activity : new GuardedActivity(activity);
    }

    @Override
    public void count(Count what, @Nullable String channel, long times) {
        tell(() -> observer.count(what, channel, times));
    }

    @Override
    public Activity publishing(List<NewEvent> events, ContextView caller) {
        return guarded(() -> observer.publishing(events, caller));
    }

    @Override
    public void dequeued(List<Claimed> found, Duration took) {
        tell(() -> observer.dequeued(found, took));
    }

    @Override
    public Activity processing(EventMessage message) {
        return guarded(() -> observer.processing(message));
    }

    @Override
    public Activity settling(EventMessage message, Settlement.Outcome outcome, ContextView caller) {
        return guarded(() -> observer.settling(message, outcome, caller));
    }

    private final class GuardedActivity implements Activity {

        private final Activity activity;
        private final AtomicBoolean ended = new AtomicBoolean();

        GuardedActivity(Activity activity) {
            this.activity = activity;
        }

        @Override
        public Map<String, String> metadata() {
            return ask(activity::metadata, Map.of());
        }

        @Override
        public Context within(Context outer) {
            return ask(() -> activity.within(outer), outer);
        }

        @Override
        public void end(End how, @Nullable Throwable failure) {
            if (ended.compareAndSet(false, true)) {
                tell(() -> activity.end(how, failure));
            }
        }
    }
}
