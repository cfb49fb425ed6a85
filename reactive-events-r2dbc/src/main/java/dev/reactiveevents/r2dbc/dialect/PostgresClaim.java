package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.r2dbc.dialect.Stretches.Stretch;
import dev.reactiveevents.r2dbc.dialect.Watermarks.Place;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcRollbackException;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A claim: one statement for all channels it is asked for. */
final class PostgresClaim {

    private static final String SERIALIZATION_FAILURE = "40001";

    /** What a claim looks for. */
    private enum Kind {
        WITHOUT_KEYS(PostgresClaimSql.UNKEYED),
        WITH_KEYS(PostgresKeyedClaimSql.KEYED),
        SETTLED_KEYS(PostgresKeyedClaimSql.SETTLED_KEYS),
        SUSPECTS(PostgresClaimSql.SUSPECTS);

        private final String sql;

        Kind(String sql) {
            this.sql = sql;
        }
    }

    private final Map<Kind, String> texts = new EnumMap<>(Kind.class);
    private final Watermarks watermarks;
    private final Stretches stretches;
    private final Keys keys;
    private final Successors successors = new Successors();

    PostgresClaim(QueueTable table, Watermarks watermarks, Stretches stretches, Keys keys) {
        for (Kind kind : Kind.values()) {
            texts.put(kind, PostgresStatements.filled(table, kind.sql));
        }
        this.watermarks = watermarks;
        this.stretches = stretches;
        this.keys = keys;
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return Mono.defer(() -> {
            Kind kind = kind(claim);
            boolean alone = claim.requests().size() == 1;
            List<Answer> answers = claim.requests().stream()
                    .map(request -> new Answer(request, kind, alone))
                    .toList();
            Statement statement = connection.createStatement(Objects.requireNonNull(texts.get(kind)));
            bind(statement, claim, consumer, answers);
            switch (kind) {
                case WITHOUT_KEYS -> bindStretches(statement, answers);
                case WITH_KEYS -> bindLooks(bindParks(statement, claim), answers);
                case SETTLED_KEYS -> bindKeys(bindParks(statement, claim), answers.get(0));
                case SUSPECTS -> bindParks(statement, claim);
            }
            if (answers.stream().allMatch(answer -> answer.stretch.isOwn())) {
                taken.run(); // the next claim looks elsewhere
            }
            return run(statement, answers, taken);
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
        Claim.Request first = requests.get(0);
        return requests.size() == 1 && first.limit() > 0 && keys.settledWillDo(first.channel())
                ? Kind.SETTLED_KEYS
                : Kind.WITH_KEYS;
    }

    private static void bind(Statement statement, Claim claim, String consumer, List<Answer> answers) {
        statement
                .bind(0, PostgresStatements.column(answers, answer -> answer.request.channel(), String[]::new))
                .bind(1, PostgresStatements.column(answers, answer -> answer.request.limit(), Integer[]::new))
                .bind(2, PostgresStatements.column(answers, answer -> answer.request.maxAttempts(), Integer[]::new))
                .bind(3, PostgresStatements.column(answers, answer -> answer.request.suspectAfter(), Integer[]::new))
                .bind(4, claim.leaseToken())
                .bind(5, consumer)
                .bind(6, Sql.micros(claim.lease()))
                .bind(7, PostgresStatements.column(answers, answer -> answer.from.availableAt(), Long[]::new))
                .bind(8, PostgresStatements.column(answers, answer -> answer.from.seq(), Long[]::new));
    }

    private static void bindStretches(Statement statement, List<Answer> answers) {
        statement
                .bind(
                        9,
                        PostgresStatements.column(
                                answers, answer -> answer.until().availableAt(), Long[]::new))
                .bind(
                        10,
                        PostgresStatements.column(
                                answers, answer -> answer.until().seq(), Long[]::new))
                .bind(11, PostgresStatements.column(answers, answer -> answer.stretch.ahead(), Integer[]::new));
    }

    private static Statement bindParks(Statement statement, Claim claim) {
        return statement.bind(9, claim.deadLetterKeys() == DeadLetterKeys.PARK);
    }

    private void bindKeys(Statement statement, Answer answer) {
        statement
                .bind(10, answer.look.settled().toArray(String[]::new))
                .bind(11, Sql.micros(keys.untilNextLook(answer.request.channel())))
                .bind(
                        12,
                        PostgresStatements.column(
                                answer.look.settled(),
                                key -> successors.bound(answer.request.channel(), key),
                                Long[]::new));
    }

    private static void bindLooks(Statement statement, List<Answer> answers) {
        Integer[] places = IntStream.range(0, answers.size())
                .boxed()
                .flatMap(i -> answers.get(i).look.settled().stream().map(key -> i + 1))
                .toArray(Integer[]::new);
        String[] settled = answers.stream()
                .flatMap(answer -> answer.look.settled().stream())
                .toArray(String[]::new);
        statement
                .bind(10, PostgresStatements.column(answers, answer -> answer.look.after(), String[]::new))
                .bind(11, PostgresStatements.column(answers, answer -> answer.look.most(), Integer[]::new))
                .bind(12, PostgresStatements.column(answers, answer -> answer.look.walksFirst(), Boolean[]::new))
                .bind(13, PostgresStatements.column(answers, answer -> answer.look.roundsUp() ? 1 : 0, Integer[]::new))
                .bind(14, places)
                .bind(15, settled);
    }

    private static Mono<List<Claimed>> run(Statement statement, List<Answer> answers, Runnable taken) {
        long start = System.nanoTime();
        AtomicBoolean first = new AtomicBoolean(true);
        return Sql.query(statement, row -> {
                    Answer answer = read(row, answers);
                    if (first.getAndSet(false)) { // rows come when all is done, and all rows are locked
                        taken.run();
                    }
                    return answer;
                })
                .then(Mono.fromSupplier(() -> {
                    Duration took = Duration.ofNanos(System.nanoTime() - start);
                    answers.forEach(answer -> answer.teach(took));
                    return answers.stream()
                            .map(answer -> answer.taken.toClaimed())
                            .toList();
                }))
                .onErrorMap(R2dbcException.class, PostgresClaim::asConflict)
                .doOnError(failure -> answers.forEach(Answer::giveBack));
    }

    /** Two events of one key cannot be leased: another process has leased one that this statement did not see yet. */
    private static R2dbcException asConflict(R2dbcException failure) {
        return PostgresStatements.UNIQUE_VIOLATION.equals(failure.getSqlState())
                ? new R2dbcRollbackException(failure.getMessage(), SERIALIZATION_FAILURE, failure)
                : failure;
    }

    /** First comes what remains of each request, then the events, as they were taken. */
    private static Answer read(Readable row, List<Answer> answers) {
        Answer answer = answers.get(Sql.required(row, "request", Integer.class) - 1);
        if (row.get("becomes") == null) {
            answer.remains(row);
        } else {
            answer.add(row);
        }
        return answer;
    }

    /** The answer to one request, while its rows arrive. */
    private final class Answer {

        private final Claim.Request request;
        private final Kind kind;
        private final Stretch stretch;
        private final Place from;
        private final Look look;
        private final Taken taken;
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
            lastKey = row.get("last_key", String.class);
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

        void add(Readable row) {
            String key = row.get("event_key", String.class);
            if (key != null) {
                withKey++;
                successors.taken(request.channel(), key, Sql.required(row, "seq", Long.class));
            } else if (first == null) {
                first = new Place(row.get("claimed_at", Long.class), Sql.required(row, "seq", Long.class));
            }
            taken.add(row);
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
            if (kind == Kind.WITH_KEYS) {
                keys.lookedAtAll(request.channel(), taken.size(), ofSettled(), full, took, taken.nextDue());
            }
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
