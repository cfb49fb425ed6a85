package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import io.r2dbc.spi.ConnectionFactory;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Advanced Queuing on a real Oracle, that of {@link OracleContractTest}. Only in the profile {@code oracle}. */
@EnabledIfSystemProperty(named = "reactiveevents.oracle", matches = "true")
class OracleAdvancedQueueContractTest extends EventChannelContract {

    private static ConnectionFactory database;

    @BeforeAll
    static void migrate() {
        database = OracleContractTest.server();
        EventSchema schema =
                EventSchema.of(AdvancedQueueModelContractTest.queue(database).build());
        schema.drop().then(schema.migrate()).block();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return AdvancedQueueModelContractTest.open(database, options);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.of(Capability.SHARED, Capability.RETRY, Capability.DEAD_LETTERS);
    }
}
