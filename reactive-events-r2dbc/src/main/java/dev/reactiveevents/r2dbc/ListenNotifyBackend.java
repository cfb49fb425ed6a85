package dev.reactiveevents.r2dbc;

import static java.util.stream.Collectors.joining;

import dev.reactiveevents.EventException;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Result;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;

/** Events as notifications of PostgreSQL, and nothing else: an event channel is what is listened to. */
final class ListenNotifyBackend implements BroadcastBackend {

    private static final String NOTIFY = "SELECT count(pg_notify($1, $2))";

    /**
     * In one statement, and so all or none. They are delivered in this order when it has committed. A text that the server takes
     * apart costs both sides less than an array, and in a list of columns less than as a table.
     */
    private static final String NOTIFY_ONE_CHANNEL =
            "SELECT count(sent) FROM (SELECT pg_notify($1, unnest(string_to_array($2, chr(30)))) AS sent OFFSET 0) AS n";

    private static final String NOTIFY_SEVERAL_CHANNELS = "SELECT count(pg_notify(channel, payload))"
            + " FROM unnest(string_to_array($1, chr(30)), string_to_array($2, chr(30))) AS n (channel, payload)";

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
            NewEvent first = events.get(0);
            return events.size() == 1
                    ? notify(events, NOTIFY, first.channel(), envelope(first))
                    : publishSeveral(events);
        });
    }

    private Mono<Void> publishSeveral(List<NewEvent> events) {
        String payloads = events.stream().map(ListenNotifyBackend::envelope).collect(joining(Envelope.SEPARATOR));
        String channel = events.get(0).channel();
        return events.stream().allMatch(event -> event.channel().equals(channel))
                ? notify(events, NOTIFY_ONE_CHANNEL, channel, payloads)
                : notify(
                        events,
                        NOTIFY_SEVERAL_CHANNELS,
                        events.stream().map(NewEvent::channel).collect(joining(Envelope.SEPARATOR)),
                        payloads);
    }

    private static String envelope(NewEvent event) {
        String envelope = Envelope.notification(event);
        int size = Envelope.bytesIfLarge(envelope);
        if (size > Envelope.LARGEST) {
            throw new EventException.Invalid("Event " + event.eventId() + " for channel \"" + event.channel()
                    + "\" takes " + size + " bytes as a notification, and PostgreSQL allows " + Envelope.LARGEST
                    + "; make it smaller, publish where to find the rest, or choose a durable backend.");
        }
        return envelope;
    }

    private Mono<Void> notify(List<NewEvent> events, String sql, String channels, String payloads) {
        return database.statement(
                "Notifying of " + events.size() + " events",
                connection -> Flux.from(connection
                                .createStatement(sql)
                                .bind(0, channels)
                                .bind(1, payloads)
                                .execute())
                        .concatMap(Result::getRowsUpdated)
                        .then());
    }

    @Override
    public Flux<Heard> listen(String channel) {
        return Flux.create(
                sink -> sink.onDispose(notifier.listen(channel, heard -> sink.next(translated(channel, heard)))),
                FluxSink.OverflowStrategy.IGNORE);
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
