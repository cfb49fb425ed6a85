package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.WakeUp;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.UUID;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Which event channels of a queue table have news, told among processes: one topic for the table, the payload names the channel. */
final class TableNews {

    private static final String PREFIX = "reactive_events.";
    /** PostgreSQL's limit for the name of what is listened to, in bytes; ours are ASCII. */
    private static final int LONGEST_TOPIC = 63;

    private static final String NOTIFY = "SELECT count(pg_notify($1, channel)) FROM unnest($2::text[]) AS c (channel)";

    private final Notifier notifier;
    private final String topic;

    TableNews(Notifier notifier, QueueTable table) {
        this.notifier = notifier;
        this.topic = topic(table.toString());
    }

    private static String topic(String table) {
        return PREFIX.length() + table.length() <= LONGEST_TOPIC
                ? PREFIX + table
                : PREFIX + UUID.nameUUIDFromBytes(table.getBytes(StandardCharsets.UTF_8));
    }

    void tell(Set<String> channels) {
        channels.forEach(channel -> notifier.tell(topic, channel));
    }

    /** Tells what a settlement has freed. */
    void tell(Settlement applied) {
        if (applied.frees()) {
            tell(Set.of(applied.channel()));
        }
    }

    /** Tells when the transaction of this connection commits. */
    Mono<Void> tell(Connection connection, Set<String> channels) {
        return Flux.from(connection
                        .createStatement(NOTIFY)
                        .bind(0, topic)
                        .bind(1, channels.toArray(String[]::new))
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    Flux<WakeUp> wakeUps() {
        return Flux.create(sink -> sink.onDispose(notifier.listen(topic, heard -> sink.next(wakeUp(heard)))));
    }

    /** Whatever is not word of a channel ends or begins a time in which nothing was heard. */
    private static WakeUp wakeUp(Notifier.Heard heard) {
        return heard.kind() == Notifier.Kind.NOTICE ? new WakeUp(Set.of(heard.payload())) : WakeUp.everywhere();
    }

    Mono<Void> stop() {
        return notifier.stop();
    }
}
