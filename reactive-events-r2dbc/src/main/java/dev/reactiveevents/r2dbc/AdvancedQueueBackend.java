package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.StoreUpkeep;
import dev.reactiveevents.spi.WakeUp;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;

/**
 * Events in queues of Oracle's Advanced Queuing. A delivery is an open transaction on a connection of its own, which holds
 * the message: an acknowledgement removes it and commits; what is to be tried again is removed and rolled back, which Oracle
 * counts, and what nobody was given is only let go. Where a claim finds nothing it leaves a dequeue behind
 * that waits, and what that brings is told as news and handed to the next claim.
 */
final class AdvancedQueueBackend implements EventBackend {

    private static final int AT_ONCE = 64;

    private final String name;
    private final Database database;
    private final Failures failures;
    private final AdvancedQueueStatements statements;
    private final QueueNames names;
    private final QueueSessions sessions;
    private final Duration wait;
    private final Janitor janitor;
    private final StoreUpkeep upkeep;
    private final Map<String, QueueListening> listening = new ConcurrentHashMap<>();
    private final Map<Key, Held> held = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable FluxSink<WakeUp>> news = new AtomicReference<>();

    /** An event and the token of its delivery. */
    private record Key(UUID eventId, UUID token) {}

    private record Held(ClaimedEvent event, QueueDelivery delivery) {}

    AdvancedQueueBackend(
            String name,
            Database database,
            Failures failures,
            AdvancedQueueStatements statements,
            QueueNames names,
            QueueSessions sessions,
            Duration wait,
            Janitor janitor,
            StoreUpkeep upkeep) {
        this.name = name;
        this.database = database;
        this.failures = failures;
        this.statements = statements;
        this.names = names;
        this.sessions = sessions;
        this.wait = wait;
        this.janitor = janitor;
        this.upkeep = upkeep;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.of(
                Capability.DURABLE, Capability.SHARED, Capability.DELAY, Capability.RETRY, Capability.DEAD_LETTERS);
    }

    @Override
    public StoreUpkeep upkeep() {
        return upkeep;
    }

    // == Publish ==

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return Mono.defer(() -> {
            List<AdvancedQueueStatements.Outgoing> messages = QueueMessages.of(events, names);
            return database.transaction(
                    "Putting " + events.size() + " events into " + names,
                    connection -> statements.enqueue(connection, messages, false));
        });
    }

    /** Puts events in somebody's transaction, or at once in spite of it. */
    Mono<Void> publish(Connection connection, List<NewEvent> events, boolean immediately) {
        return Mono.defer(() -> statements.enqueue(connection, QueueMessages.of(events, names), immediately));
    }

    // == Claim ==

    /** All or nothing: what was taken before another channel failed, or before the claim was given up, is given back. */
    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        return Mono.defer(() -> {
            janitor.start();
            Taking taking = new Taking(claim);
            return Flux.fromIterable(claim.requests())
                    .flatMapSequential(taking::take)
                    .collectList()
                    .doOnError(failure -> taking.giveUp())
                    .doOnCancel(taking::giveUp);
        });
    }

    /** One claim on its way. */
    private final class Taking {

        private final Claim claim;
        private final List<QueueDelivery> taken = new ArrayList<>();
        private boolean givenUp;

        Taking(Claim claim) {
            this.claim = claim;
        }

        /** No event is set aside as a suspect here: what ends its consumers is not counted by Oracle. */
        Mono<Claimed> take(Claim.Request request) {
            if (request.limit() == 0) {
                return isThere(request.channel()).thenReturn(answer(request, List.of(), 1));
            }
            if (claim.suspects()) {
                return Mono.just(answer(request, List.of(), 1));
            }
            QueueListening queue = listening(request.channel());
            int most = Math.min(request.limit(), AT_ONCE);
            return Flux.range(0, most)
                    .concatMap(i -> queue.next().map(Optional::of).defaultIfEmpty(Optional.empty()), 0)
                    .takeWhile(Optional::isPresent)
                    .concatMap(found -> Mono.justOrEmpty(keep(found.orElseThrow())), 0)
                    .collectList()
                    .map(events -> answer(request, events, most));
        }

        /** Each is a trip of its own: what a claim has taken is handed over before the next one takes more. */
        private Claimed answer(Claim.Request request, List<ClaimedEvent> events, int most) {
            Duration next = events.size() == most && most < request.limit() ? Duration.ZERO : null;
            return new Claimed(request.channel(), events, List.of(), next, false, false);
        }

        /** An event that was published twice can be in the queue twice, and one claim hands it over once. */
        private synchronized @Nullable ClaimedEvent keep(QueueListening.Arrival arrival) {
            ClaimedEvent event = QueueMessages.event(
                    arrival.channel(),
                    arrival.message(),
                    arrival.message().deliveries(),
                    Instant.now().plus(claim.lease()));
            Key key = new Key(event.eventId(), claim.leaseToken());
            if (givenUp || held.containsKey(key)) {
                QueueDelivery.giveBack(arrival.session(), sessions);
                return null;
            }
            QueueDelivery delivery = new QueueDelivery(
                    arrival.session(),
                    sessions,
                    connection -> statements.remove(
                            connection,
                            names.of(arrival.channel()),
                            arrival.message().messageId()),
                    () -> held.remove(key));
            held.put(key, new Held(event, delivery));
            delivery.lease(claim.lease());
            taken.add(delivery);
            return event;
        }

        synchronized void giveUp() {
            givenUp = true;
            taken.forEach(delivery -> delivery.release().subscribe(done -> {}, failure -> {}));
        }
    }

    private QueueListening listening(String channel) {
        return listening.computeIfAbsent(
                channel,
                of -> new QueueListening(of, names, statements, sessions, failures, wait, new NewsOf(Set.of(of))));
    }

    private final class NewsOf implements QueueListening.News {

        private final WakeUp wakeUp;

        NewsOf(Set<String> channel) {
            this.wakeUp = new WakeUp(channel);
        }

        @Override
        public void tell() {
            FluxSink<WakeUp> sink = news.get();
            if (sink != null) {
                sink.next(wakeUp);
            }
        }

        @Override
        public boolean isHeard() {
            return news.get() != null;
        }
    }

    private Mono<Void> isThere(String channel) {
        return Mono.defer(() -> QueueSchema.requireUsable(database, statements, names.of(channel)));
    }

    /** While somebody hears this, there are subscriptions. */
    @Override
    public Flux<WakeUp> wakeUps() {
        return Flux.create(sink -> {
            news.set(sink);
            sink.onDispose(() -> {
                if (news.compareAndSet(sink, null)) { // unless others have subscribed meanwhile
                    listening.values().forEach(QueueListening::rest);
                }
            });
            sink.next(WakeUp.everywhere());
        });
    }

    // == Settle ==

    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
        return Flux.fromIterable(settlements)
                .flatMapSequential(this::settle, AT_ONCE)
                .collectList();
    }

    private Mono<SettleResult> settle(Settlement settlement) {
        Held found = held.get(new Key(settlement.eventId(), settlement.leaseToken()));
        if (found == null) {
            return Mono.just(SettleResult.LOST);
        }
        QueueDelivery delivery = found.delivery();
        String attempted = "Settling event " + settlement.eventId() + " of " + names;
        Mono<Boolean> applied = switch (settlement.outcome()) {
            case EXTEND -> Mono.fromSupplier(() -> delivery.lease(settlement.after()));
            case RETRY -> delivery.retry();
            case RELEASE -> delivery.release();
            case ACK -> delivery.take(connection -> Mono.empty(), failures, attempted);
            case DEAD ->
                delivery.take(
                        connection ->
                                statements.storeDead(connection, new DeadEvent(found.event(), settlement.reason())),
                        failures,
                        attempted);
        };
        return applied.map(AdvancedQueueBackend::result);
    }

    private static SettleResult result(boolean applied) {
        return applied ? SettleResult.APPLIED : SettleResult.LOST;
    }

    /** Does not wait for dequeues that wait. What is still in somebody's hands is counted, if the database answers. */
    @Override
    public Mono<Void> shutdown() {
        return janitor.stop().then(Mono.defer(() -> {
            listening.values().forEach(QueueListening::stop);
            return Flux.fromIterable(held.values())
                    .flatMap(of -> of.delivery().retry().onErrorComplete(), AT_ONCE)
                    .then()
                    .timeout(QueueSession.PATIENCE, Mono.empty())
                    .then(sessions.close());
        }));
    }
}
