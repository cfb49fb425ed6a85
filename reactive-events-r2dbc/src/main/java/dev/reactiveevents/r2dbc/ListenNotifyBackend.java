package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Events as notifications of PostgreSQL, and nothing else: an event channel is what is listened to. */
final class ListenNotifyBackend implements BroadcastBackend {

    /** In one statement, and so all or none. They are delivered in this order when it has committed. */
    private static final String NOTIFY =
            "SELECT count(pg_notify(channel, payload)) FROM unnest($1::text[], $2::text[]) AS n (channel, payload)";

    private final Database database;
    private final String name;
    private final Notifier notifier;

    ListenNotifyBackend(Database database, String name, Notifier notifier) {
        this.database = database;
        this.name = name;
        this.notifier = notifier;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of();
    }

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return Mono.defer(() -> {
            String now = Envelope.time(Instant.now());
            String[] channels = events.stream().map(NewEvent::channel).toArray(String[]::new);
            String[] payloads =
                    events.stream().map(event -> envelope(event, now)).toArray(String[]::new);
            return database.statement(
                    "Notifying of " + events.size() + " events", connection -> notify(connection, channels, payloads));
        });
    }

    private static String envelope(NewEvent event, String now) {
        String envelope = Envelope.write(event, now);
        int size = Envelope.bytesIfLarge(envelope);
        if (size > Envelope.LARGEST) {
            throw new EventException.Invalid("Event " + event.eventId() + " for channel \"" + event.channel()
                    + "\" takes " + size + " bytes as a notification, and PostgreSQL allows " + Envelope.LARGEST
                    + "; make it smaller, publish where to find the rest, or choose a durable backend.");
        }
        return envelope;
    }

    private static Mono<Void> notify(Connection connection, String[] channels, String[] payloads) {
        return Flux.from(connection
                        .createStatement(NOTIFY)
                        .bind(0, channels)
                        .bind(1, payloads)
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @Override
    public Flux<Heard> listen(String channel) {
        return Flux.create(sink ->
                sink.onDispose(notifier.listen(channel, heard -> sink.next(translated(channel, heard)))));
    }

    private static Heard translated(String channel, Notifier.Heard heard) {
        return switch (heard.kind()) {
            case NOTICE -> new Heard.Arrived(Envelope.read(channel, heard.payload(), EventChannels::newId));
            case STANDING -> new Heard.Standing();
            case CUT_OFF -> new Heard.CutOff(heard.reason());
        };
    }

    @Override
    public Mono<Void> shutdown() {
        return notifier.stop();
    }
}
