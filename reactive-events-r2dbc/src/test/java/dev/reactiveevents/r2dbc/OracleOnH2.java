package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * H2 in its mode for Oracle, under the name of Oracle's driver: the plain SQL of the Oracle dialect runs on it as it is. Of the
 * blocks of PL/SQL, which H2 does not know, {@link OracleOnH2Block} does the few steps, and their SQL runs here too. So it shows
 * what the statements do to rows. It does not show what Oracle says to them, how its locks work, or what its plans are.
 */
public final class OracleOnH2 implements ConnectionFactory {

    private final ConnectionFactory h2;

    private OracleOnH2(ConnectionFactory h2) {
        this.h2 = h2;
    }

    static OracleOnH2 fresh() {
        ConnectionFactory h2 = ConnectionFactories.get(
                "r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1;MODE=Oracle;NON_KEYWORDS=VALUE");
        PostgresServer.execute(
                h2,
                "CREATE ALIAS SYS_EXTRACT_UTC DETERMINISTIC FOR \"" + OracleOnH2.class.getName() + ".utc\"",
                "CREATE ALIAS NUMTODSINTERVAL DETERMINISTIC FOR \"" + OracleOnH2.class.getName() + ".interval\"",
                "CREATE ALIAS TO_CLOB DETERMINISTIC FOR \"" + OracleOnH2.class.getName() + ".text\"",
                "CREATE TABLE product_component_version (product VARCHAR, version VARCHAR)",
                "INSERT INTO product_component_version VALUES ('Oracle Database 19c on H2', '19.0.0.0.0')",
                "CREATE TABLE nls_session_parameters (parameter VARCHAR, \"VALUE\" VARCHAR)",
                "INSERT INTO nls_session_parameters VALUES ('NLS_COMP', 'BINARY')",
                "CREATE TABLE turns (turn INTEGER PRIMARY KEY)",
                "INSERT INTO turns VALUES (1)");
        return new OracleOnH2(h2);
    }

    ConnectionFactory h2() {
        return h2;
    }

    /** Called by H2. */
    public static java.time.LocalDateTime utc(OffsetDateTime time) {
        return time.withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime().truncatedTo(ChronoUnit.MICROS);
    }

    /** Called by H2. */
    public static Duration interval(double number, String unit) {
        if (!unit.equals("SECOND")) {
            throw new IllegalArgumentException(unit);
        }
        return Duration.of(Math.round(number * 1_000_000), ChronoUnit.MICROS);
    }

    /** Called by H2. */
    public static String text(String text) {
        return text;
    }

    @Override
    public Publisher<? extends Connection> create() {
        return Mono.defer(() -> Mono.<Connection>from(h2.create()))
                .map(OracleOnH2::wrapped)
                .subscribeOn(Schedulers.boundedElastic());
    }

    @Override
    public ConnectionFactoryMetadata getMetadata() {
        return () -> "Oracle Database";
    }

    /** H2 works on the thread that calls it, which Oracle's driver does not. */
    private static Connection wrapped(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                OracleOnH2.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("createStatement")) {
                        return new OracleOnH2Statement(connection, (String) arguments[0]);
                    }
                    if (method.getName().equals("setAutoCommit") && arguments[0].equals(true)) {
                        return committed(connection);
                    }
                    return Publisher.class.isAssignableFrom(method.getReturnType())
                            ? Flux.defer(() -> (Publisher<?>) call(connection, method, arguments))
                                    .onErrorMap(OracleOnH2Error::of)
                                    .subscribeOn(Schedulers.boundedElastic())
                            : call(connection, method, arguments);
                });
    }

    /** As R2DBC and Oracle's driver have it, which H2's driver does not: this commits what is open. */
    private static Mono<Void> committed(Connection connection) {
        return Mono.defer(() -> connection.isAutoCommit() ? Mono.empty() : Mono.from(connection.commitTransaction()))
                .then(Mono.defer(() -> Mono.from(connection.setAutoCommit(true))))
                .onErrorMap(OracleOnH2Error::of)
                .subscribeOn(Schedulers.boundedElastic());
    }

    private static Object call(Connection connection, Method method, Object[] arguments) {
        try {
            return method.invoke(connection, arguments);
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new AssertionError(thrown);
        } catch (IllegalAccessException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
