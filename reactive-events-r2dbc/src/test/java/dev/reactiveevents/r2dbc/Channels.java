package dev.reactiveevents.r2dbc;

import dev.reactiveevents.engine.ChannelOptions;
import io.r2dbc.spi.ConnectionFactory;

/** Table queues for tests. */
final class Channels {

    private Channels() {}

    static R2dbcEventChannelBuilder tableQueue(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database).backend(BackendType.TABLE_QUEUE);
    }

    /** All that the options say, so that the contract suite means the same here as elsewhere. */
    static R2dbcEventChannelBuilder tableQueue(ConnectionFactory database, ChannelOptions options) {
        return tableQueue(database)
                .lease(options.lease())
                .pollInterval(options.pollInterval())
                .prefetch(options.prefetch())
                .claimBatch(options.claimBatch())
                .maxAttempts(options.maxAttempts())
                .retryPolicy(options.retryPolicy())
                .deadLetterKeys(options.deadLetterKeys())
                .publishTimeout(options.publishTimeout())
                .shutdownTimeout(options.shutdownTimeout())
                .jsonMapper(options.jsonMapper())
                .observer(options.observer());
    }
}
