package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import io.r2dbc.spi.ConnectionFactory;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;

/** The statements of the Oracle dialect on H2: see {@link OracleOnH2} for what this shows and what it does not. */
class OracleOnH2ContractTest extends EventChannelContract {

    private static final ConnectionFactory DATABASE = OracleOnH2.fresh();

    @BeforeAll
    static void migrate() {
        OracleOnH2Statement.readAhead(QueueTable.of("reactive_event_queue"));
        EventSchema.of(Channels.tableQueue(DATABASE).build()).migrate().block();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(DATABASE, options).build();
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.complementOf(EnumSet.of(Capability.DURABLE));
    }
}
