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
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A claim: one statement for all channels it is asked for. */
final class PostgresClaim {

    private static final String SERIALIZATION_FAILURE = "40001";

    private final String unkeyed;
    private final String keyed;
    private final String suspects;
    private final Watermarks watermarks;
    private final Stretches stretches;
    private final Keys keys;

    PostgresClaim(QueueTable table, Watermarks watermarks, Stretches stretches, Keys keys) {
        this.unkeyed = PostgresStatements.filled(table, PostgresClaimSql.UNKEYED);
        this.keyed = PostgresStatements.filled(table, PostgresClaimSql.KEYED);
        this.suspects = PostgresStatements.filled(table, PostgresClaimSql.SUSPECTS);
        this.watermarks = watermarks;
        this.stretches = stretches;
        this.keys = keys;
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return Mono.defer(() -> {
            boolean withKeys =
                    !claim.suspects() && claim.requests().stream().anyMatch(request -> keys.has(request.channel()));
            boolean alone = !claim.suspects() && !withKeys && claim.requests().size() == 1;
            List<Answer> answers = claim.requests().stream()
                    .map(request -> new Answer(request, claim.suspects(), alone))
                    .toList();
            Statement statement = connection.createStatement(claim.suspects() ? suspects : withKeys ? keyed : unkeyed);
            bind(statement, claim, consumer, answers);
            if (claim.suspects()) {
                statement.bind(9, claim.deadLetterKeys() == DeadLetterKeys.PARK);
            } else if (withKeys) {
                bindLooks(statement, claim, answers);
            } else {
                bindStretches(statement, answers);
            }
            if (answers.stream().allMatch(answer -> answer.stretch.isOwn())) {
                taken.run(); // the next claim looks elsewhere
            }
            return run(statement, answers, taken);
        });
    }

    private static void bind(Statement statement, Claim claim, String consumer, List<Answer> answers) {
        List<Claim.Request> requests = claim.requests();
        statement
                .bind(0, PostgresStatements.column(requests, Claim.Request::channel, String[]::new))
                .bind(1, PostgresStatements.column(requests, Claim.Request::limit, Integer[]::new))
                .bind(2, PostgresStatements.column(requests, Claim.Request::maxAttempts, Integer[]::new))
                .bind(3, PostgresStatements.column(requests, Claim.Request::suspectAfter, Integer[]::new))
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

    private static void bindLooks(Statement statement, Claim claim, List<Answer> answers) {
        Integer[] places = IntStream.range(0, answers.size())
                .boxed()
                .flatMap(i -> answers.get(i).look.settled().stream().map(key -> i + 1))
                .toArray(Integer[]::new);
        String[] settled = answers.stream()
                .flatMap(answer -> answer.look.settled().stream())
                .toArray(String[]::new);
        statement
                .bind(9, claim.deadLetterKeys() == DeadLetterKeys.PARK)
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
        private final boolean ofSuspects;
        private final Stretch stretch;
        private final Place from;
        private final Look look;
        private final Taken taken;
        private @Nullable Place first;
        private @Nullable String lastKey;
        private int withKey;

        Answer(Claim.Request request, boolean ofSuspects, boolean alone) {
            this.request = request;
            this.ofSuspects = ofSuspects;
            this.stretch = ofSuspects ? Stretch.ALL : stretch(alone);
            this.from = from(request.channel());
            this.look = ofSuspects ? Look.NONE : keys.look(request.channel(), request.limit());
            this.taken = new Taken(request);
        }

        private Stretch stretch(boolean alone) {
            return alone ? stretches.next(request.channel(), request.limit()) : stretches.others(request.channel());
        }

        private Place from(String channel) {
            Place start = stretch.from();
            return start != null ? start : ofSuspects ? Place.BOTTOM : watermarks.start(channel);
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
            if (row.get("event_key") != null) {
                withKey++;
            } else if (first == null) {
                first = new Place(row.get("claimed_at", Long.class), Sql.required(row, "seq", Long.class));
            }
            taken.add(row);
        }

        void teach(Duration took) {
            if (ofSuspects) {
                return;
            }
            boolean full = request.limit() > 0 && taken.size() == request.limit();
            watermarks.claimed(request.channel(), from, full ? first : null, took);
            stretches.claimed(request.channel(), request.limit(), stretch, full);
            if (lastKey != null) {
                keys.noteThatThereAre(request.channel());
                keys.looked(request.channel(), look, lastKey, withKey, taken.isPassedOver());
            }
        }

        void giveBack() {
            keys.notLooked(request.channel(), look);
            stretches.lower(request.channel());
        }
    }
}
