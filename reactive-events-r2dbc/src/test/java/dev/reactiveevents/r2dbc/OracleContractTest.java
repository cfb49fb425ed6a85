package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.oracle.OracleContainer;

/**
 * A real Oracle: the one that the environment variable {@code REACTIVE_EVENTS_ORACLE_URL} names
 * ({@code r2dbc:oracle://user:password@host:1521/service}), else one in Docker. Only in the profile {@code oracle}.
 */
@EnabledIfSystemProperty(named = "reactiveevents.oracle", matches = "true")
class OracleContractTest extends EventChannelContract {

    private static final String GRANTS = """
            ALTER SESSION SET CONTAINER = FREEPDB1;
            GRANT EXECUTE ON DBMS_AQ TO test;
            GRANT EXECUTE ON DBMS_AQADM TO test;
            """;

    private static ConnectionFactory database;

    /** {@return the server, which the user may make queues in} */
    static ConnectionFactory server() {
        String given = System.getenv("REACTIVE_EVENTS_ORACLE_URL");
        return ConnectionFactories.get(given == null || given.isBlank() ? container() : given);
    }

    @BeforeAll
    static void migrate() {
        database = server();
        EventSchema schema = EventSchema.of(Channels.tableQueue(database).build());
        schema.drop().then(schema.migrate()).block();
    }

    /** Removed by Testcontainers itself when the JVM ends. */
    @SuppressWarnings("resource")
    private static String container() {
        OracleContainer server = new OracleContainer("gvenzl/oracle-free:23-slim-faststart");
        server.withCopyToContainer(Transferable.of(GRANTS), "/container-entrypoint-initdb.d/grants.sql");
        server.start();
        return "r2dbc:oracle://" + server.getUsername() + ":" + server.getPassword() + "@" + server.getHost() + ":"
                + server.getOraclePort() + "/" + server.getDatabaseName();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(database, options).build();
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.complementOf(EnumSet.of(Capability.DURABLE));
    }
}
