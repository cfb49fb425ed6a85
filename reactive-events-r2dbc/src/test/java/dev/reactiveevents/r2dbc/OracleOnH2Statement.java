package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.OracleLint;
import dev.reactiveevents.r2dbc.dialect.OracleTexts;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Clob;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Parameter;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * A statement that takes what Oracle's driver takes: values by their names, of its types and no others, all of them and each that
 * the text has; errors come by the result. No text runs that the lint finds fault with.
 */
final class OracleOnH2Statement implements Statement {

    private static final Pattern BIND = Pattern.compile("(?<![A-Za-z0-9_']):([a-z_][a-z0-9_]*)");
    private static final Pattern SECONDS = Pattern.compile("EXTRACT\\(SECOND FROM ([a-z_.]+)\\)");
    private static final Set<String> TYPES = Set.of(
            "String",
            "Integer",
            "Long",
            "Double",
            "BigDecimal",
            "LocalDateTime",
            "OffsetDateTime",
            "byte[]",
            "ByteBuffer");
    private static final Map<String, List<String>> LINTED = new ConcurrentHashMap<>();

    private final @Nullable Connection connection;
    private final @Nullable Function<List<Map<String, Parameter>>, Flux<Result>> elsewhere;
    private final String sql;
    private final Set<String> names;
    private final List<Map<String, Parameter>> rows = new ArrayList<>(List.of(new HashMap<>()));

    OracleOnH2Statement(Connection connection, String sql) {
        this(connection, sql, null);
    }

    /** A statement that is answered in another way. */
    static OracleOnH2Statement of(String sql, Function<List<Map<String, Parameter>>, Flux<Result>> elsewhere) {
        return new OracleOnH2Statement(null, sql, elsewhere);
    }

    private OracleOnH2Statement(
            @Nullable Connection connection,
            String sql,
            @Nullable Function<List<Map<String, Parameter>>, Flux<Result>> elsewhere) {
        this.connection = connection;
        this.elsewhere = elsewhere;
        this.sql = sql;
        this.names = names(sql);
    }

    /** The first texts that a grammar reads take it seconds, in which a test would wait. */
    static void readAhead(QueueTable table) {
        OracleTexts.of(table).forEach(text -> LINTED.computeIfAbsent(text, OracleLint::findings));
    }

    private static Set<String> names(String sql) {
        Set<String> names = new LinkedHashSet<>();
        BIND.matcher(sql.replaceAll("(?s)q'\\[.*?]'", " "))
                .results()
                .map(found -> found.group(1))
                .forEach(names::add);
        return names;
    }

    @Override
    public Statement bind(String name, Object value) {
        if (!names.contains(name)) {
            throw new NoSuchElementException(name);
        }
        Parameter parameter = value instanceof Parameter given ? given : Parameters.in(value);
        boolean known = parameter instanceof Parameter.Out
                || value instanceof Clob
                || TYPES.contains(value.getClass().getSimpleName());
        if (!known) {
            throw new IllegalArgumentException("The driver takes no " + value.getClass());
        }
        if (parameter instanceof Parameter.Out && rows.size() > 1) {
            throw new IllegalStateException("A batch has no OUT parameters.");
        }
        rows.get(rows.size() - 1).put(name, parameter);
        return this;
    }

    @Override
    public Statement bindNull(String name, Class<?> type) {
        if (!names.contains(name)) {
            throw new NoSuchElementException(name);
        }
        rows.get(rows.size() - 1).put(name, Parameters.in(type));
        return this;
    }

    @Override
    public Statement add() {
        requireBound(rows.get(rows.size() - 1));
        rows.add(new HashMap<>());
        return this;
    }

    private void requireBound(Map<String, Parameter> row) {
        if (!row.keySet().equals(names)) {
            throw new IllegalStateException("Bound are " + row.keySet() + ", and the text has " + names + ".");
        }
    }

    @Override
    public Publisher<? extends Result> execute() {
        requireBound(rows.get(rows.size() - 1));
        if (elsewhere != null) {
            return Flux.defer(() -> {
                        requireLinted();
                        return elsewhere.apply(rows);
                    })
                    .onErrorResume(OracleOnH2Error.class, failure -> Flux.just(OracleOnH2Result.failed(failure)));
        }
        boolean block = sql.matches("(?s)(--[^\\n]*\\n)*\\s*(DECLARE|BEGIN)\\b.*");
        return Mono.fromRunnable(this::requireLinted)
                .thenMany(Flux.defer(() -> block ? new OracleOnH2Block(connection, sql, rows.get(0)).run() : plain()))
                .collectList()
                .flatMapMany(results -> Flux.fromIterable(results))
                .onErrorMap(failure -> block ? OracleOnH2Error.ofBlock(failure) : OracleOnH2Error.of(failure))
                .onErrorResume(OracleOnH2Error.class, failure -> Flux.just(OracleOnH2Result.failed(failure)))
                .subscribeOn(Schedulers.boundedElastic());
    }

    private void requireLinted() {
        List<String> findings = LINTED.computeIfAbsent(sql, OracleLint::findings);
        if (!findings.isEmpty()) {
            throw new AssertionError(findings + " in:\n" + sql);
        }
    }

    private Flux<Result> plain() {
        Statement statement = connection.createStatement(translated(sql, new ArrayList<>(names)));
        for (int i = 0; i < rows.size(); i++) {
            bind(i == 0 ? statement : statement.add(), rows.get(i));
        }
        return Flux.from(statement.execute()).collectList().flatMapMany(OracleOnH2Result::of);
    }

    private void bind(Statement statement, Map<String, Parameter> row) {
        int index = 0;
        for (String name : names) {
            Parameter parameter = row.get(name);
            Object value = parameter.getValue();
            if (value == null) {
                statement.bindNull(index, parameter.getType().getJavaType());
            } else {
                statement.bind(index, value);
            }
            index++;
        }
    }

    /**
     * H2 numbers its binds, says that a query is recursive, has no bin for what is dropped, and keeps the fraction of a second
     * apart.
     */
    static String translated(String sql, List<String> names) {
        String exact =
                SECONDS.matcher(sql).replaceAll("(EXTRACT(SECOND FROM $1) + EXTRACT(MICROSECOND FROM $1) / 1000000.0)");
        return BIND.matcher(exact.replace("WITH walk", "WITH RECURSIVE walk").replace(" PURGE", ""))
                .replaceAll((MatchResult found) -> "\\$" + (names.indexOf(found.group(1)) + 1));
    }

    @Override
    public Statement bind(int index, Object value) {
        throw new UnsupportedOperationException("The dialect binds by names.");
    }

    @Override
    public Statement bindNull(int index, Class<?> type) {
        throw new UnsupportedOperationException("The dialect binds by names.");
    }
}
