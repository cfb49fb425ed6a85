package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * LISTEN and NOTIFY on one connection of its own, opened when it is first needed and replaced when it is lost. A loop that one
 * thread at a time runs compares what is wanted with what is so, and does the next thing about it: one statement at a time,
 * so that words which come meanwhile are sent together by the next.
 */
final class PostgresNotifier implements Notifier {

    private static final Logger LOG = Loggers.getLogger(PostgresNotifier.class);

    /** How long the database may take to answer, or a word of our own to be heard, before the connection counts as lost. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** How long words wait after others, to be sent together: under load each NOTIFY is taken from publishing. */
    private static final Duration BREATH = Duration.ofMillis(2);

    private static final long FIRST_PAUSE_MILLIS = 50;
    private static final long LONGEST_PAUSE_MILLIS = 5_000;
    private static final int WORDS_AT_ONCE = 1_000;
    /** Words are hints: what does not find room is made good by the poll interval of those it was for. */
    private static final int MOST_WORDS = 100_000;

    record Word(String topic, String payload) {}

    private final ConnectionFactory factory;
    private final Duration probeInterval;
    private final BiFunction<String, String, Mono<Void>> tellElsewhere;
    private final Runnable onReconnect;
    private final UnaryOperator<Throwable> meaning;

    private final Map<String, Topic> topics = new ConcurrentHashMap<>();
    private final Set<Word> words = ConcurrentHashMap.newKeySet();
    private final Sinks.Empty<Void> stopped = Sinks.empty();
    private final AtomicReference<@Nullable PostgresSession> session = new AtomicReference<>();
    private final AtomicInteger work = new AtomicInteger();
    private volatile boolean busy;
    private volatile boolean pausing;
    private volatile boolean resting;
    private volatile boolean stopping;
    private volatile @Nullable Heard cutOff;
    private volatile boolean saidSo;
    private volatile int failures;
    private volatile int deaf;
    private volatile int openings;

    /**
     * A notifier that does not connect before it is used.
     *
     * @param factory where its connection is from; of a pool, what is pooled
     * @param probeInterval how often it is tried whether anything is heard, while there are listeners
     * @param tellElsewhere sends a topic a payload over another connection
     * @param onReconnect told when it was opened again after it had been lost
     * @param meaning makes of the driver's errors those that listeners are told
     */
    PostgresNotifier(
            ConnectionFactory factory,
            Duration probeInterval,
            BiFunction<String, String, Mono<Void>> tellElsewhere,
            Runnable onReconnect,
            UnaryOperator<Throwable> meaning) {
        this.factory = factory;
        this.probeInterval = probeInterval;
        this.tellElsewhere = tellElsewhere;
        this.onReconnect = onReconnect;
        this.meaning = meaning;
    }

    // == What is wanted ==

    @Override
    public Disposable listen(String topic, Consumer<Heard> listener) {
        topics.compute(topic, (name, known) -> (known == null ? new Topic() : known).with(listener));
        drain();
        return () -> {
            topics.computeIfPresent(topic, (name, known) -> known.without(listener));
            drain();
        };
    }

    @Override
    public void tell(String topic, String payload) {
        if (!stopping && words.size() < MOST_WORDS) {
            words.add(new Word(topic, payload));
            drain();
        }
    }

    @Override
    public Notifications notifications() {
        if (topics.isEmpty()) {
            return Notifications.UNUSED;
        }
        PostgresSession open = session.get();
        boolean heard = open != null && deaf < 2 && open.listened.containsAll(topics.keySet());
        return heard ? Notifications.HEARD : Notifications.NOT_HEARD;
    }

    @Override
    public long reconnects() {
        return Math.max(0, openings - 1);
    }

    @Override
    public Mono<Void> stop() {
        return Mono.defer(() -> {
            stopping = true;
            topics.clear();
            drain();
            return stopped.asMono();
        });
    }

    // == The loop ==

    private void drain() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            tellStates();
            startNext();
            missed = work.addAndGet(-missed);
        } while (missed != 0);
    }

    private void tellStates() {
        PostgresSession open = session.get();
        Heard off = cutOff;
        topics.forEach((name, topic) -> {
            if (open != null && open.listened.contains(name)) {
                topic.is(Heard.STANDING);
            } else if (off != null) {
                topic.is(off);
            }
        });
    }

    private void startNext() {
        PostgresSession open = session.get();
        if (busy || isPausing()) {
            return;
        }
        Mono<Void> next = open == null ? connectIfNeeded() : nextOn(open);
        if (next != null) {
            busy = true;
            next.subscribe(null, failure -> over(open, failure), () -> over(open, null));
        } else if (stopping) {
            end(open);
        }
    }

    private void over(@Nullable PostgresSession used, @Nullable Throwable failure) {
        if (failure != null) {
            lost(used, failure);
        }
        busy = false;
        drain();
    }

    private @Nullable Mono<Void> connectIfNeeded() {
        return isNeeded() && !(stopping && cutOff != null) ? connect() : null;
    }

    private boolean isNeeded() {
        return !topics.isEmpty() || !words.isEmpty();
    }

    /** A connection that comes too late is closed. */
    private Mono<Void> connect() {
        Mono<PostgresSession> opening = PostgresSession.open(factory, PATIENCE).cache();
        return opening.timeout(PATIENCE)
                .doOnError(failure -> opening.subscribe(PostgresSession::close, late -> {}))
                .doOnNext(this::opened)
                .then();
    }

    private @Nullable Mono<Void> nextOn(PostgresSession open) {
        Set<String> wanted = wantedOn(open);
        Collection<String> missing = difference(wanted, open.listened);
        if (!missing.isEmpty()) {
            boolean first = open.listened.isEmpty();
            return open.listen(missing).timeout(PATIENCE).doOnSuccess(done -> listens(open, first));
        }
        Collection<String> unwanted = difference(open.listened, wanted);
        unwanted.remove(open.probeTopic); // a probe may be on its way
        if (!unwanted.isEmpty()) {
            return open.unlisten(unwanted).timeout(PATIENCE);
        }
        return words.isEmpty() || resting && !stopping ? null : tellNext(open);
    }

    private @Nullable Mono<Void> tellNext(PostgresSession open) {
        List<Word> batch = takeWords();
        if (batch.isEmpty()) {
            return null;
        }
        resting = true;
        after(BREATH, () -> {
            resting = false;
            drain();
        });
        return open.notify(batch).timeout(PATIENCE).doOnError(failure -> words.addAll(batch));
    }

    private Set<String> wantedOn(PostgresSession open) {
        Set<String> wanted = new LinkedHashSet<>(topics.keySet());
        if (!wanted.isEmpty()) {
            wanted.add(open.probeTopic);
        }
        return wanted;
    }

    private static Collection<String> difference(Set<String> from, Set<String> without) {
        Set<String> difference = new HashSet<>(from);
        difference.removeAll(without);
        return difference;
    }

    private List<Word> takeWords() {
        List<Word> batch = new ArrayList<>();
        for (Word word : words) {
            if (batch.size() == WORDS_AT_ONCE) {
                break;
            }
            if (words.remove(word)) {
                batch.add(word);
            }
        }
        return batch;
    }

    private void end(@Nullable PostgresSession open) {
        if (open != null && session.compareAndSet(open, null)) {
            open.close();
        }
        stopped.tryEmitEmpty();
    }

    // == The connection ==

    private void opened(PostgresSession open) {
        cutOff = null;
        if (++openings > 1) {
            onReconnect.run();
        }
        session.set(open);
        open.start(notification -> heard(open, notification), failure -> {
            lost(open, failure);
            drain();
        });
    }

    private void heard(PostgresSession open, Notification notification) {
        if (notification.getName().equals(open.probeTopic)) {
            open.echo().tryEmitEmpty();
        } else if (!open.sent(notification)) {
            Topic topic = topics.get(notification.getName());
            if (topic != null) {
                String payload = notification.getParameter();
                topic.tell(Heard.notice(payload == null ? "" : payload));
            }
        }
    }

    private void listens(PostgresSession open, boolean first) {
        if (deaf < 2) {
            sayHeardAgain();
        }
        if (first) {
            probe(open);
        }
    }

    private void sayHeardAgain() {
        if (saidSo) {
            saidSo = false;
            LOG.info("Notifications of PostgreSQL are heard again.");
        }
    }

    /** Whoever notices first decides. Then there is a pause, longer each time until a connection has lasted. */
    private void lost(@Nullable PostgresSession used, @Nullable Throwable failure) {
        synchronized (this) { // if another were opened before listeners are told of the loss, they never would be
            if (!session.compareAndSet(used, null)) {
                return;
            }
            pausing = true;
        }
        boolean lasted = used != null && used.isOlderThan(Duration.ofMillis(2 * LONGEST_PAUSE_MILLIS));
        failures = lasted ? 1 : failures + 1;
        if (used != null) {
            used.close();
        }
        if (!saidSo && isNeeded() && !stopping) {
            saidSo = true;
            LOG.warn(
                    "Notifications of PostgreSQL are cut off; it is tried again. Until they are back, events that are stored"
                            + " are noticed at the poll interval, and events of listen_notify are missed. {}",
                    String.valueOf(failure));
        }
        cutOff = Heard.cutOff(failure == null ? null : meaning.apply(failure));
        pause();
    }

    private synchronized boolean isPausing() {
        return pausing && !stopping;
    }

    private void pause() {
        long most = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(failures - 1, 10));
        long millis = most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
        after(deaf > 1 ? probeInterval : Duration.ofMillis(millis), () -> {
            pausing = false;
            drain();
        });
    }

    private static Disposable after(Duration delay, Runnable task) {
        return Schedulers.parallel().schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
    }

    // == Whether anything is heard ==

    /**
     * Another connection tells ours something: also a connection that looks open may be dead, and a pooler in transaction
     * mode confirms LISTEN and passes nothing on.
     */
    private void probe(PostgresSession open) {
        if (topics.isEmpty()) {
            probeLater(open);
            return;
        }
        tellElsewhere
                .apply(open.probeTopic, "")
                .timeout(PATIENCE)
                .then(Mono.defer(() -> open.echo().asMono().thenReturn(true).timeout(PATIENCE, Mono.just(false))))
                .subscribe(heard -> probed(open, heard), failure -> probeLater(open));
    }

    private void probed(PostgresSession open, boolean heard) {
        if (heard) {
            deaf = 0;
            sayHeardAgain();
            open.forgetEcho();
            probeLater(open);
        } else if (session.get() == open) {
            if (++deaf == 2) {
                sayDeaf();
            }
            lost(open, new IllegalStateException("Nothing was heard on the " + open + "."));
            drain();
        }
    }

    private void probeLater(PostgresSession open) {
        open.probesBy(after(probeInterval, () -> probe(open)));
    }

    private void sayDeaf() {
        saidSo = true;
        LOG.warn(
                "Notifications of PostgreSQL do not arrive on connections that listen, as behind a pooler in transaction"
                        + " mode; events that are stored are noticed at the poll interval, and events of listen_notify are missed."
                        + " Give direct connections by R2dbcEventChannel.builder(…).listenerConnections(…).");
    }
}
