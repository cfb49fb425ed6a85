package dev.reactiveevents.r2dbc.dialect;

import static dev.reactiveevents.r2dbc.dialect.PostgresStatements.column;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.r2dbc.dialect.Stretches.Stretch;
import dev.reactiveevents.r2dbc.dialect.Watermarks.Place;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcRollbackException;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A claim: one statement for all channels it is asked for. */
final class PostgresClaim {

    private static final String SERIALIZATION_FAILURE = "40001";

    /** What a claim looks for. */
    private enum Kind {
        WITHOUT_KEYS("claim", PostgresClaimSql.UNKEYED),
        WITH_KEYS("claim_keys", PostgresKeyedClaimSql.KEYED),
        SETTLED_KEYS("claim_settled", PostgresKeyedClaimSql.SETTLED_KEYS),
        SUSPECTS("claim_suspects", PostgresClaimSql.SUSPECTS);

        private final String purpose;
        private final String sql;

        Kind(String purpose, String sql) {
            this.purpose = purpose;
            this.sql = sql;
        }
    }

    private final Map<Kind, PostgresPrepared> prepared = new EnumMap<>(Kind.class);
    private final Watermarks watermarks;
    private final Stretches stretches;
    private final Keys keys;
    private final Successors successors;

    PostgresClaim(QueueTable table, Watermarks watermarks, Stretches stretches, Keys keys, Successors successors) {
        for (Kind kind : Kind.values()) {
            prepared.put(kind, new PostgresPrepared(kind.purpose, PostgresStatements.filled(table, kind.sql)));
        }
        this.watermarks = watermarks;
        this.stretches = stretches;
        this.keys = keys;
        this.successors = successors;
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return Mono.defer(() -> {
            Claim.Request only = claim.requests().get(0);
            if (rests(claim) && keys.nextWillDo(only.channel())) {
                return Mono.just(List.of(rest(only.channel())));
            }
            Kind kind = kind(claim);
            boolean alone = claim.requests().size() == 1;
            List<Answer> answers = claim.requests().stream()
                    .map(request -> new Answer(request, kind, alone))
                    .toList();
            List<@Nullable Object> values = values(claim, consumer, answers);
            switch (kind) {
                case WITHOUT_KEYS -> addStretches(values, answers);
                case WITH_KEYS -> addLooks(values, claim, answers);
                case SETTLED_KEYS -> addKeys(values, claim, answers.get(0));
                case SUSPECTS -> values.add(parks(claim));
            }
            if (answers.stream().allMatch(answer -> answer.stretch.isOwn())) {
                taken.run(); // the next claim looks elsewhere
            }
            return run(connection, Objects.requireNonNull(prepared.get(kind)), values, answers, taken);
        });
    }

    private Kind kind(Claim claim) {
        List<Claim.Request> requests = claim.requests();
        if (claim.suspects()) {
            return Kind.SUSPECTS;
        }
        if (requests.stream().noneMatch(request -> keys.has(request.channel()))) {
            return Kind.WITHOUT_KEYS;
        }
        return rests(claim) && keys.settledWillDo(requests.get(0).channel()) ? Kind.SETTLED_KEYS : Kind.WITH_KEYS;
    }

    /** Whether it may look at less than all that is due, if there was little else a short while ago. */
    private static boolean rests(Claim claim) {
        List<Claim.Request> requests = claim.requests();
        return !claim.suspects() && requests.size() == 1 && requests.get(0).limit() > 0;
    }

    private Claimed rest(String channel) {
        return new Claimed(channel, List.of(), List.of(), keys.untilNextLook(channel), false, false);
    }

    private static List<@Nullable Object> values(Claim claim, String consumer, List<Answer> answers) {
        return new ArrayList<>(List.of(
                column(answers, answer -> answer.request.channel(), String[]::new),
                column(answers, answer -> answer.request.limit(), Integer[]::new),
                column(answers, answer -> answer.request.maxAttempts(), Integer[]::new),
                column(answers, answer -> answer.request.suspectAfter(), Integer[]::new),
                claim.leaseToken(),
                consumer,
                Sql.micros(claim.lease()),
                column(answers, answer -> answer.from.availableAt(), Long[]::new),
                column(answers, answer -> answer.from.seq(), Long[]::new)));
    }

    private static void addStretches(List<@Nullable Object> values, List<Answer> answers) {
        values.add(column(answers, answer -> answer.until().availableAt(), Long[]::new));
        values.add(column(answers, answer -> answer.until().seq(), Long[]::new));
        values.add(column(answers, answer -> answer.stretch.ahead(), Integer[]::new));
    }

    private static boolean parks(Claim claim) {
        return claim.deadLetterKeys() == DeadLetterKeys.PARK;
    }

    private void addKeys(List<@Nullable Object> values, Claim claim, Answer answer) {
        String channel = answer.request.channel();
        values.add(parks(claim));
        values.add(answer.look.settled().toArray(String[]::new));
        values.add(Sql.micros(keys.untilNextLook(channel)));
        values.add(column(answer.look.settled(), key -> successors.bound(channel, key), Long[]::new));
    }

    private static void addLooks(List<@Nullable Object> values, Claim claim, List<Answer> answers) {
        values.add(parks(claim));
        values.add(column(answers, answer -> answer.look.after(), String[]::new));
        values.add(column(answers, answer -> answer.look.most(), Integer[]::new));
        values.add(column(answers, answer -> answer.look.walksFirst(), Boolean[]::new));
        values.add(column(answers, answer -> answer.look.roundsUp() ? 1 : 0, Integer[]::new));
        values.add(IntStream.range(0, answers.size())
                .boxed()
                .flatMap(i -> answers.get(i).look.settled().stream().map(key -> i + 1))
                .toArray(Integer[]::new));
        values.add(answers.stream()
                .flatMap(answer -> answer.look.settled().stream())
                .toArray(String[]::new));
    }

    /** One message, from the beginning of its transaction to the commit. */
    private static Mono<List<Claimed>> run(
            Connection connection,
            PostgresPrepared statement,
            List<@Nullable Object> values,
            List<Answer> answers,
            Runnable taken) {
        String executed = statement.execute(values) + "; COMMIT";
        AtomicBoolean first = new AtomicBoolean(true);
        Function<Readable, Answer> read = row -> {
            Answer answer = read(row, answers);
            if (first.getAndSet(false)) { // rows come when all is done, and all rows are locked
                taken.run();
            }
            return answer;
        };
        return PostgresPrepared.inTransaction(connection, PostgresDialect.BEGIN_CLAIM, List.of(statement), begin -> {
                    long start = System.nanoTime();
                    return Sql.query(connection.createStatement(begin + executed), read)
                            .then(Mono.fromSupplier(() -> told(answers, System.nanoTime() - start)));
                })
                .onErrorMap(R2dbcException.class, PostgresClaim::asConflict)
                .doOnError(failure -> answers.forEach(Answer::giveBack));
    }

    private static List<Claimed> told(List<Answer> answers, long nanos) {
        answers.forEach(answer -> answer.teach(Duration.ofNanos(nanos)));
        return answers.stream().map(Answer::claimed).toList();
    }

    /** Two events of one key cannot be leased: another process has leased one that this statement did not see yet. */
    private static R2dbcException asConflict(R2dbcException failure) {
        return PostgresStatements.UNIQUE_VIOLATION.equals(failure.getSqlState())
                ? new R2dbcRollbackException(failure.getMessage(), SERIALIZATION_FAILURE, failure)
                : failure;
    }

    /** First comes what remains of each request, then the events, as they were taken. Read by their places, which costs less. */
    private static Answer read(Readable row, List<Answer> answers) {
        Answer answer = answers.get(Objects.requireNonNull(row.get(0, Integer.class)) - 1);
        UUID eventId = row.get(1, UUID.class);
        if (eventId == null) {
            answer.remains(row);
        } else {
            answer.add(eventId, row);
        }
        return answer;
    }

    /** What is left out is as of almost all: leased for the first time, as soon as it was published. */
    static ClaimedEvent event(UUID eventId, String channel, Instant leaseExpiresAt, Readable row) {
        Integer attempts = row.get(7, Integer.class);
        Instant createdAt = Sql.instant(Objects.requireNonNull(row.get(8, Long.class)));
        Long deliverAt = row.get(9, Long.class);
        return new ClaimedEvent(
                eventId,
                channel,
                row.get(3, String.class),
                row.get(4, String.class),
                Objects.requireNonNull(row.get(5, String.class)),
                row.get(6, String.class),
                attempts == null ? 1 : attempts,
                createdAt,
                deliverAt == null ? createdAt : Sql.instant(deliverAt),
                leaseExpiresAt);
    }

    /** Told of events with a key. */
    static long seq(Readable row) {
        return Objects.requireNonNull(row.get(10, Long.class));
    }

    /** The answer to one request, while its rows arrive. */
    private final class Answer {

        private final Claim.Request request;
        private final Kind kind;
        private final Stretch stretch;
        private final Place from;
        private final Look look;
        private final Taken taken;
        private Instant leaseExpiresAt = Instant.MAX;
        private @Nullable Place first;
        private @Nullable String lastKey;
        private int withKey;

        Answer(Claim.Request request, Kind kind, boolean alone) {
            this.request = request;
            this.kind = kind;
            this.stretch = stretch(alone && kind == Kind.WITHOUT_KEYS);
            this.from = from(request.channel());
            this.look = look(request.channel(), request.limit());
            this.taken = new Taken(request);
        }

        /** Whether it looks for all that is due, and so learns where that begins. */
        private boolean isForAll() {
            return kind == Kind.WITHOUT_KEYS || kind == Kind.WITH_KEYS;
        }

        private Stretch stretch(boolean mayBeOwn) {
            if (!isForAll()) {
                return Stretch.ALL;
            }
            return mayBeOwn ? stretches.next(request.channel(), request.limit()) : stretches.others(request.channel());
        }

        private Place from(String channel) {
            Place start = stretch.from();
            return start != null ? start : isForAll() ? watermarks.start(channel) : Place.BOTTOM;
        }

        private Look look(String channel, int limit) {
            return switch (kind) {
                case SUSPECTS -> Look.NONE;
                case SETTLED_KEYS -> keys.settled(channel, limit);
                default -> keys.look(channel, limit);
            };
        }

        Place until() {
            Place end = stretch.until();
            return end == null ? Place.BOTTOM : end;
        }

        void remains(Readable row) {
            taken.remains(row);
            leaseExpiresAt = Sql.instant(row, "lease_expires_at");
            lastKey = row.get("last_key", String.class);
            first = places(row.get("first_place", Long[].class)).stream()
                    .findFirst()
                    .orElse(null);
            if (stretch.ahead() > 0) {
                stretches.measured(request.channel(), request.limit(), places(row.get("measured", Long[].class)));
            }
        }

        private static List<Place> places(Long @Nullable [] halves) {
            List<Place> places = new ArrayList<>();
            if (halves != null) {
                for (int i = 0; i < halves.length; i += 2) {
                    places.add(new Place(halves[i], halves[i + 1]));
                }
            }
            return places;
        }

        void add(UUID eventId, Readable row) {
            String becomes = row.get(2, String.class);
            ClaimedEvent event = event(eventId, request.channel(), leaseExpiresAt, row);
            String key = event.key();
            if (key != null) {
                withKey++;
                successors.taken(request.channel(), key, seq(row));
            }
            taken.add(becomes == null ? "leased" : becomes, event);
        }

        void teach(Duration took) {
            if (!isForAll()) {
                return;
            }
            boolean full = request.limit() > 0 && taken.size() == request.limit();
            watermarks.claimed(request.channel(), from, full ? first : null, took);
            stretches.claimed(request.channel(), request.limit(), stretch, full);
            if (lastKey != null) {
                keys.noteThatThereAre(request.channel());
                keys.looked(request.channel(), look, lastKey, withKey, taken.isPassedOver());
            }
            if (kind == Kind.WITH_KEYS && request.limit() > 0) {
                keys.lookedAtAll(request.channel(), taken.size(), ofSettled(), full, took, taken.nextDue());
            }
        }

        /** What was passed over is looked at when the rest is over that this look begins, if it does. */
        Claimed claimed() {
            Claimed claimed = taken.toClaimed();
            Duration rest = keys.untilNextLook(request.channel());
            boolean rests = kind == Kind.WITH_KEYS && !rest.isZero() && taken.size() < request.limit();
            return rests
                    ? new Claimed(
                            claimed.channel(), claimed.events(), claimed.exhausted(), rest, false, claimed.suspects())
                    : claimed;
        }

        private int ofSettled() {
            Set<String> settled = Set.copyOf(look.settled());
            return (int) taken.keys().filter(settled::contains).count();
        }

        void giveBack() {
            keys.notLooked(request.channel(), look);
            stretches.lower(request.channel());
        }
    }
}
