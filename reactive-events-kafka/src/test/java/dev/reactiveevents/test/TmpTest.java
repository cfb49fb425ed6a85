package dev.reactiveevents.test;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.r2dbc.*;
import dev.reactiveevents.spi.Capability;
import io.r2dbc.pool.*;
import io.r2dbc.spi.*;
import java.util.*;
import org.junit.jupiter.api.Nested;

class TmpTest {
    static class Contract extends EventChannelContract {
        final InMemoryBackend backend = InMemoryBackend.create();
        final String url; final BackendType type; ConnectionPool pool; static final Map<String, ConnectionPool> pools = new HashMap<>();
        Contract(String url, BackendType type) { this.url = url; this.type = type; }
        @Override protected EventChannel open(ChannelOptions o) {
            if (url.equals("mem")) return backend.channel(o);
            pool = pools.computeIfAbsent(url, u -> { ConnectionFactory f = ConnectionFactories.get(u.equals("pg") ? PostgresServer.freshDatabase() : u);
                ConnectionPool p = new ConnectionPool(ConnectionPoolConfiguration.builder(f).initialSize(0).maxSize(10).build());
                EventSchema.of(R2dbcEventChannel.builder(p).backend(BackendType.TABLE_QUEUE).build()).migrate().block(); return p; });
            return R2dbcEventChannel.builder(pool).backend(type).lease(o.lease()).pollInterval(o.pollInterval()).prefetch(o.prefetch()).claimBatch(o.claimBatch()).maxAttempts(o.maxAttempts()).retryPolicy(o.retryPolicy()).shutdownTimeout(o.shutdownTimeout()).build();
        }
        @Override protected Set<Capability> capabilities() { return EnumSet.allOf(Capability.class); }
    }
    @Nested class MemR extends RelayingContract { MemR() { super(new Contract("mem", null)); } }
    @Nested class MemP extends PipingContract { MemP() { super(new Contract("mem", null)); } }
    @Nested class H2R extends RelayingContract { H2R() { super(new Contract("r2dbc:h2:mem:///tmp?options=DB_CLOSE_DELAY=-1", BackendType.TABLE_QUEUE)); } }
    @Nested class H2P extends PipingContract { H2P() { super(new Contract("r2dbc:h2:mem:///tmp?options=DB_CLOSE_DELAY=-1", BackendType.TABLE_QUEUE)); } }
    @Nested class PgR extends RelayingContract { PgR() { super(new Contract("pg", BackendType.LISTEN_NOTIFY_DURABLE)); } }
    @Nested class PgP extends PipingContract { PgP() { super(new Contract("pg", BackendType.LISTEN_NOTIFY_DURABLE)); } }
}
