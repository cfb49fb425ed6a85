package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Parameter;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.math.BigDecimal;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The steps of the dialect's few blocks, with the SQL that stands in them. A claim takes its turn, because H2 limits before it
 * skips what is locked.
 */
final class OracleOnH2Block {

    private static final Pattern DYNAMIC = Pattern.compile("EXECUTE IMMEDIATE q'\\[(.*?)]'", Pattern.DOTALL);
    private static final Pattern MERGE = Pattern.compile("MERGE INTO .*?(?=;)", Pattern.DOTALL);
    private static final Pattern DECLARED = Pattern.compile("(?m)^\\s*(l_[a-z_]+)\\s+[A-Z][A-Z_0-9() ]*:=\\s*([^;]+);");
    private static final Pattern CURSOR = Pattern.compile("CURSOR (c_[a-z]+) IS\\s+(.*?);", Pattern.DOTALL);
    private static final Pattern FORALL = Pattern.compile(
            "FORALL i IN 1 \\.\\. l_seqs\\.COUNT\\s+(UPDATE .*?);(\\s+l_buried := SQL%ROWCOUNT;)?", Pattern.DOTALL);
    private static final Pattern VARIABLE = Pattern.compile("l_seqs\\(i\\)|\\bl_[a-z_]+");
    private static final Pattern OUT = Pattern.compile(":([a-z_]+)\\s*:= (l_[a-z_]+);");

    private final Connection connection;
    private final String sql;
    private final Map<String, Parameter> bound;
    private final Map<String, Object> variables = new HashMap<>();

    OracleOnH2Block(Connection connection, String sql, Map<String, Parameter> bound) {
        this.connection = connection;
        this.sql = sql;
        this.bound = bound;
    }

    Flux<Result> run() {
        List<MatchResult> cursors = CURSOR.matcher(sql).results().toList();
        if (!cursors.isEmpty()) {
            return claim(cursors.get(0).group(2)).flux();
        }
        return (sql.contains("MERGE") ? merge() : ddl())
                .thenReturn(OracleOnH2Result.nothing())
                .flux();
    }

    // == Schema ==

    private Mono<Void> merge() {
        return Flux.fromStream(MERGE.matcher(sql).results())
                .concatMap(found -> execute(found.group(), List.of()))
                .then();
    }

    private Mono<Void> ddl() {
        boolean skipped =
                sql.contains("IF l_settings") && !sql.contains("l_settings   VARCHAR2(100) := 'in_memory = 1'");
        return Flux.fromStream(DYNAMIC.matcher(sql).results())
                .filter(found -> !skipped)
                .concatMap(found -> execute(forH2(found.group(1)), List.of()))
                .onErrorResume(
                        failure -> OracleOnH2Error.of(failure) instanceof OracleOnH2Error told
                                && (told.getErrorCode() == 955
                                        || told.getCause().getMessage().contains("already exists")),
                        there -> Mono.empty())
                .then();
    }

    /** What H2 does not know: the order of numbers of several instances, and places for transactions. */
    private static String forH2(String ddl) {
        return ddl.replace("CACHE 1000 ORDER", "CACHE 1000").replace(" INITRANS 10", "");
    }

    // == Claim ==

    private Mono<Result> claim(String cursor) {
        return execute("SELECT turn FROM turns FOR UPDATE", List.of())
                .then(declare())
                .then(Mono.defer(() -> sql.contains("l_found") ? found(cursor) : due(cursor)))
                .flatMap(this::change);
    }

    private Mono<Void> declare() {
        return Flux.fromStream(DECLARED.matcher(sql).results())
                .concatMap(
                        found -> value(found.group(2).strip()).doOnNext(value -> variables.put(found.group(1), value)))
                .then();
    }

    private Mono<Object> value(String expression) {
        if (expression.startsWith(":")) {
            return Mono.just(
                    Objects.requireNonNull(bound.get(expression.substring(1)).getValue(), expression));
        }
        if (expression.equals("''")) {
            return Mono.just("");
        }
        return expression.matches("\\d+")
                ? Mono.just(Integer.valueOf(expression))
                : query(
                                "SELECT " + expression.replace("l_now", "CAST(l_now AS TIMESTAMP(6))")
                                        + " AS v FROM dual",
                                row -> row.get("V", LocalDateTime.class))
                        .next()
                        .cast(Object.class);
    }

    private Mono<List<Long>> due(String cursor) {
        return query(cursor, OracleOnH2Block::seq)
                .collectList()
                .map(seqs -> seqs.subList(0, Math.min(most(), seqs.size())));
    }

    private Mono<List<Long>> found(String cursor) {
        String[] seqs = ((String) variables.get("l_found")).split(",");
        return Flux.fromIterable(Arrays.asList(seqs))
                .concatMap(
                        seq -> {
                            variables.put("l_seq", Long.valueOf(seq));
                            return query(cursor, OracleOnH2Block::seq).collectList();
                        },
                        1)
                .concatMapIterable(one -> one)
                .take(most())
                .collectList();
    }

    private int most() {
        return (Integer) variables.get("l_max");
    }

    private static Long seq(Readable row) {
        return new BigDecimal(Objects.requireNonNull(row.get("SEQ")).toString()).longValueExact();
    }

    private Mono<Result> change(List<Long> seqs) {
        return Flux.fromStream(FORALL.matcher(sql).results())
                .concatMap(update -> forAll(update.group(1), seqs).doOnNext(count -> {
                    if (update.group(2) != null) {
                        variables.put("l_buried", count);
                    }
                }))
                .then(Mono.fromSupplier(() -> outs(seqs)));
    }

    private Mono<Long> forAll(String update, List<Long> seqs) {
        return Flux.fromIterable(seqs)
                .concatMap(
                        seq -> {
                            variables.put("l_seqs(i)", seq);
                            return count(update);
                        },
                        1)
                .reduce(0L, Long::sum);
    }

    private Result outs(List<Long> seqs) {
        variables.put("l_order", seqs.stream().map(seq -> "," + seq).collect(Collectors.joining()));
        Map<String, Object> outs = new HashMap<>();
        OUT.matcher(sql).results().forEach(out -> {
            Object value = variables.get(out.group(2));
            outs.put(
                    out.group(1),
                    value instanceof Number number
                            ? new BigDecimal(number.longValue())
                            : "".equals(value) ? null : value);
        });
        return OracleOnH2Result.outs(outs);
    }

    // == SQL ==

    private Mono<Void> execute(String text, List<Object> values) {
        return Flux.from(bind(text, values).execute())
                .concatMap(result -> result.flatMap(segment -> Mono.empty()))
                .then();
    }

    private Mono<Long> count(String text) {
        return Flux.defer(() -> prepared(text).execute())
                .concatMap(Result::getRowsUpdated)
                .reduce(0L, Long::sum);
    }

    private <T> Flux<T> query(String text, Function<Readable, T> row) {
        return Flux.defer(() -> prepared(text).execute()).concatMap(result -> result.map(row));
    }

    /** Variables are values. */
    private Statement prepared(String text) {
        Set<String> names = new LinkedHashSet<>();
        VARIABLE.matcher(text).results().forEach(found -> names.add(found.group()));
        List<String> order = new ArrayList<>(names);
        String numbered = VARIABLE.matcher(text).replaceAll(found -> "\\$" + (order.indexOf(found.group()) + 1));
        return bind(numbered, order.stream().map(variables::get).toList());
    }

    private Statement bind(String text, List<Object> values) {
        Statement statement = connection.createStatement(text);
        for (int i = 0; i < values.size(); i++) {
            statement.bind(i, values.get(i));
        }
        return statement;
    }
}
