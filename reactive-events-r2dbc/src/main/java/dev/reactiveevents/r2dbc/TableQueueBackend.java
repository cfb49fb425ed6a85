package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.r2dbc.dialect.StoredEvent;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import dev.reactiveevents.spi.StoreUpkeep;
import io.r2dbc.spi.Connection;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Events in a table. */
final class TableQueueBackend implements EventBackend {

    private static final int LARGEST_BATCH = 1_000;
    private static final long LARGEST_BATCH_CHARACTERS = 4_000_000;

    private static final Comparator<Settlement> BY_ID = Comparator.comparing(
            Settlement::eventId,
            (one, other) -> one.getMostSignificantBits() != other.getMostSignificantBits()
                    ? Long.compareUnsigned(one.getMostSignificantBits(), other.getMostSignificantBits())
                    : Long.compareUnsigned(one.getLeastSignificantBits(), other.getLeastSignificantBits()));

    private final Database database;
    private final Dialect dialect;
    private final QueueTable table;
    private final QueueStatements statements;
    private final String consumer;
    private final Janitor janitor;
    private final @Nullable UpkeepStatements upkeep;

    TableQueueBackend(
            Database database,
            Dialect dialect,
            QueueTable table,
            QueueStatements statements,
            String consumer,
            Janitor janitor) {
        this.database = database;
        this.dialect = dialect;
        this.table = table;
        this.statements = statements;
        this.consumer = consumer;
        this.janitor = janitor;
        this.upkeep = dialect.upkeep(table);
    }

    @Override
    public String name() {
        return "table_queue on " + dialect.name();
    }

    @Override
    public Set<Capability> capabilities() {
        Set<Capability> capabilities = EnumSet.allOf(Capability.class);
        if (upkeep == null) {
            capabilities.removeAll(Set.of(Capability.DEAD_LETTERS, Capability.UPKEEP));
        }
        return capabilities;
    }

    @Override
    public StoreUpkeep upkeep() {
        return new TableUpkeep(database, Objects.requireNonNull(upkeep), table);
    }

    @Override
    public Mono<Void> shutdown() {
        return janitor.stop();
    }

    // == Publish ==

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        janitor.start();
        String attempted = "Storing " + events.size() + " events in " + table;
        List<List<NewEvent>> batches = batches(withoutRepetitions(events));
        boolean atOnce = dialect.insertsAtOnce()
                && batches.size() == 1
                && statements.fitOneStatement(batches.get(0))
                && events.stream().noneMatch(NewEvent::idGiven);
        return atOnce
                ? database.statement(attempted, connection -> insertAtOnce(connection, batches.get(0)))
                        .then()
                : database.transaction(
                        attempted,
                        connection -> insert(
                                connection, batches, events, batch -> statements.insertInOurs(connection, batch)));
    }

    /** In a session that does not commit by itself a statement that fails may leave a transaction in which all others fail. */
    private Mono<Long> insertAtOnce(Connection connection, List<NewEvent> events) {
        return connection.isAutoCommit()
                ? statements.insertNew(connection, events)
                : statements.insert(connection, events);
    }

    /** Stores events in somebody's transaction, by one statement unless they are very many, and leaves its end to them. */
    Mono<Void> publish(Connection connection, List<NewEvent> events, boolean again) {
        janitor.start();
        List<List<NewEvent>> batches = batches(withoutRepetitions(events));
        boolean mayBeStored = again || events.stream().anyMatch(NewEvent::idGiven);
        return mayBeStored
                ? insert(connection, batches, events, batch -> statements.insert(connection, batch))
                : Flux.fromIterable(batches)
                        .concatMap(batch -> statements.insertNew(connection, batch))
                        .then();
    }

    private Mono<Void> insert(
            Connection connection,
            List<List<NewEvent>> batches,
            List<NewEvent> events,
            Function<List<NewEvent>, Mono<Long>> insert) {
        return Flux.fromIterable(batches)
                .concatMap(insert)
                .reduce(0L, Long::sum)
                .flatMap(stored -> stored < events.size() ? refuseForeignIds(connection, events) : Mono.empty());
    }

    private Mono<Void> refuseForeignIds(Connection connection, List<NewEvent> events) {
        Map<UUID, List<NewEvent>> byId = events.stream().collect(Collectors.groupingBy(NewEvent::eventId));
        return statements
                .find(connection, byId.keySet())
                .concatMapIterable(stored -> foreign(stored, byId.getOrDefault(stored.eventId(), List.of())))
                .next()
                .flatMap(Mono::error);
    }

    private static List<EventException> foreign(StoredEvent stored, List<NewEvent> events) {
        return events.stream()
                .filter(event -> !event.channel().equals(stored.channel()))
                .<EventException>map(event -> new EventException.Invalid("The id " + event.eventId()
                        + " of an event for channel \"" + event.channel() + "\" is that of an event on channel \""
                        + stored.channel() + "\"; give another id. Nothing of the batch was stored."))
                .toList();
    }

    private static List<NewEvent> withoutRepetitions(List<NewEvent> events) {
        Map<UUID, NewEvent> firsts = new LinkedHashMap<>();
        events.forEach(event -> firsts.putIfAbsent(event.eventId(), event));
        return List.copyOf(firsts.values());
    }

    private static List<List<NewEvent>> batches(List<NewEvent> events) {
        List<List<NewEvent>> batches = new ArrayList<>();
        int from = 0;
        long characters = 0;
        for (int i = 0; i < events.size(); i++) {
            long size = size(events.get(i));
            if (i > from && (i - from == LARGEST_BATCH || characters + size > LARGEST_BATCH_CHARACTERS)) {
                batches.add(events.subList(from, i));
                from = i;
                characters = 0;
            }
            characters += size;
        }
        batches.add(events.subList(from, events.size()));
        return batches;
    }

    private static long size(NewEvent event) {
        String metadata = event.metadata();
        return event.payload().length() + (metadata == null ? 0 : metadata.length());
    }

    // == Claim ==

    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        return claim(claim, () -> {});
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim, Runnable taken) {
        janitor.start();
        return database.atOnce(
                "Claiming events from " + table, connection -> statements.claim(connection, claim, consumer, taken));
    }

    // == Settle ==

    /** What was not applied is looked at afterwards: its token is its delivery's alone, nobody else can make it stand. */
    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
        return settle(
                        settlements,
                        (connection, byOutcome) -> statements
                                .settle(connection, byOutcome)
                                .map(applied -> new QueueStatements.Done(applied, null)))
                .map(Settled::results);
    }

    @Override
    public boolean takesNext(String channel) {
        return statements.takesNext(channel);
    }

    @Override
    public Mono<Settled> settle(List<Settlement> settlements, Claim next) {
        return settle(settlements, (connection, byOutcome) -> statements.settle(connection, byOutcome, next, consumer));
    }

    private Mono<Settled> settle(
            List<Settlement> settlements,
            BiFunction<Connection, Map<Outcome, List<Settlement>>, Mono<QueueStatements.Done>> settle) {
        return Mono.defer(() -> {
            String attempted = "Settling " + settlements.size() + " events in " + table;
            Map<Outcome, List<Settlement>> byOutcome = byOutcome(settlements);
            return database.atOnce(
                            attempted,
                            connection -> settle.apply(connection, byOutcome)
                                    .doOnNext(done -> requireAnswers(settlements.size(), done))
                                    .map(done -> new Known(applied(byOutcome, done.applied()), done.next()))
                                    .delayUntil(known -> known.next() == null
                                            ? Mono.empty()
                                            : lookUpOthers(settlements, known, ids -> find(connection, ids))))
                    .delayUntil(known -> lookUpOthers(
                            settlements,
                            known,
                            ids -> database.statement(attempted, connection -> find(connection, ids))))
                    .map(known -> known.answer(settlements))
                    .doOnNext(settled -> statements.freed(settled.toBeLookedFor(settlements)));
        });
    }

    /**
     * What is known of settlements. Of those that were not applied it is looked up afterwards; where something was claimed along, on
     * the same connection, since what was claimed would be lost if there were no other.
     */
    private record Known(
            Map<Settlement, SettleResult> results, @Nullable Claimed next) {
        Settled answer(List<Settlement> settlements) {
            return new Settled(
                    settlements.stream()
                            .map(settlement -> Objects.requireNonNull(results.get(settlement)))
                            .toList(),
                    next);
        }
    }

    /** All settle in one order, so that they do not wait for each other crosswise. */
    private static Map<Outcome, List<Settlement>> byOutcome(List<Settlement> settlements) {
        Map<Outcome, List<Settlement>> byOutcome = new EnumMap<>(Outcome.class);
        settlements.stream()
                .sorted(BY_ID)
                .forEach(settlement -> byOutcome
                        .computeIfAbsent(settlement.outcome(), outcome -> new ArrayList<>())
                        .add(settlement));
        return byOutcome;
    }

    /** Before it is committed. */
    private void requireAnswers(int size, QueueStatements.Done done) {
        if (done.applied().size() != size) {
            throw new EventException.Misconfigured(
                    "Settling " + size + " events in " + table + " was answered by "
                            + done.applied().size()
                            + " results of the dialect " + dialect.name() + "; mend the dialect.",
                    null);
        }
    }

    private static Map<Settlement, SettleResult> applied(
            Map<Outcome, List<Settlement>> settlements, List<Boolean> applied) {
        Map<Settlement, SettleResult> results = new IdentityHashMap<>(applied.size());
        Iterator<Boolean> next = applied.iterator();
        settlements
                .values()
                .forEach(same -> same.forEach(settlement -> {
                    if (next.next()) {
                        results.put(settlement, SettleResult.APPLIED);
                    }
                }));
        return results;
    }

    private Mono<Void> lookUpOthers(
            List<Settlement> settlements, Known known, Function<Set<UUID>, Mono<Map<UUID, StoredEvent>>> find) {
        Map<Settlement, SettleResult> results = known.results();
        List<Settlement> others = settlements.stream()
                .filter(settlement -> !results.containsKey(settlement))
                .toList();
        if (others.isEmpty()) {
            return Mono.empty();
        }
        Set<UUID> ids = others.stream().map(Settlement::eventId).collect(Collectors.toSet());
        return find.apply(ids)
                .doOnNext(stored -> others.forEach(
                        settlement -> results.put(settlement, standing(settlement, stored.get(settlement.eventId())))))
                .then();
    }

    private Mono<Map<UUID, StoredEvent>> find(Connection connection, Set<UUID> ids) {
        return statements.find(connection, ids).collectMap(StoredEvent::eventId, Function.identity());
    }

    /** What is said of a settlement that changed nothing. A token stays with its event when it is settled. */
    private static SettleResult standing(Settlement settlement, @Nullable StoredEvent stored) {
        if (stored == null) {
            return SettleResult.GONE;
        }
        boolean stands = settlement.leaseToken().equals(stored.leaseToken())
                && stored.status().equals(statusAfter(settlement.outcome()));
        SettleResult asked = settlement.outcome() == Outcome.EXTEND ? SettleResult.LOCKED : SettleResult.APPLIED;
        return stands ? asked : SettleResult.LOST;
    }

    private static String statusAfter(Outcome outcome) {
        return switch (outcome) {
            case ACK -> "acked";
            case DEAD -> "dead";
            case RETRY, RELEASE -> "ready";
            case EXTEND -> "leased";
        };
    }
}
