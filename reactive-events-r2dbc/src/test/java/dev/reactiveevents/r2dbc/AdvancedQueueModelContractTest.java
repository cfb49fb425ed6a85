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

/**
 * Advanced Queuing on a model of it: see {@link AdvancedQueueModel} for what this shows. Delays are whole seconds here and nothing
 * can be rescheduled, so that the tests of both are in {@link AdvancedQueueTest}.
 */
class AdvancedQueueModelContractTest extends EventChannelContract {

    private static final AdvancedQueueModel MODEL = new AdvancedQueueModel();

    @BeforeAll
    static void migrate() {
        OracleOnH2Statement.readAhead(QueueTable.of("reactive_event_queue"));
        EventSchema.of(queue(MODEL).build()).migrate().block();
    }

    static R2dbcEventChannelBuilder queue(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database).backend(BackendType.ADVANCED_QUEUE);
    }

    /** All that the options say, but for what is refused. */
    static EventChannel open(ConnectionFactory database, ChannelOptions options) {
        return queue(database)
                .lease(options.lease())
                .pollInterval(options.pollInterval())
                .prefetch(options.prefetch())
                .claimBatch(options.claimBatch())
                .maxAttempts(options.maxAttempts())
                .publishTimeout(options.publishTimeout())
                .shutdownTimeout(options.shutdownTimeout())
                .jsonMapper(options.jsonMapper())
                .observer(options.observer())
                .build();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return open(MODEL, options);
    }

    @Override
    protected void wipe() {
        MODEL.queue("REACTIVE_EVENTS_QUEUE").clear();
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.of(Capability.SHARED, Capability.RETRY, Capability.DEAD_LETTERS);
    }
}
