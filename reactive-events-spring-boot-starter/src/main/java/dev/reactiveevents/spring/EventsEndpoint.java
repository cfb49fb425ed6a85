package dev.reactiveevents.spring;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import dev.reactiveevents.r2dbc.ChannelSnapshot;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.InvalidEndpointRequestException;
import org.springframework.boot.actuate.endpoint.annotation.DeleteOperation;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import reactor.core.publisher.Mono;

/**
 * The Actuator endpoint {@code events}: what is stored, who listens, and the dead letters, which it requeues and purges. On a
 * backend that keeps no events there is only what this process has done.
 */
@Endpoint(id = "events")
public final class EventsEndpoint {

    private static final int PAGE = 20;
    private static final int LEASES = 100;
    private static final int TIMES = 1_000;

    private final EventChannel events;
    private final ChannelListeners listeners;
    private final boolean showPayloads;

    EventsEndpoint(EventChannel events, ChannelListeners listeners, boolean showPayloads) {
        this.events = events;
        this.listeners = listeners;
        this.showPayloads = showPayloads;
    }

    // == What it answers ==

    /**
     * All of it.
     *
     * @param backend the backend, if it is one of R2DBC
     * @param notifications whether what other processes tell is heard
     * @param totals what this process has done
     * @param listeners the listeners of this process
     * @param channels the channels that have events to be delivered, leased or dead
     */
    public record Overview(
            @Nullable String backend,
            @Nullable String notifications,
            @Nullable ChannelTotals totals,
            List<Listening> listeners,
            List<ChannelCounts> channels) {}

    /**
     * A listener of this process.
     *
     * @param id its id
     * @param channel the channel's name
     * @param state how it does
     * @param failure why it is cut off or has failed
     * @param counts what it has done
     */
    public record Listening(
            String id,
            String channel,
            EventListener.State state,
            @Nullable String failure,
            EventListener.Counts counts) {

        static Listening of(EventListener listener) {
            Throwable failure = listener.failure();
            return new Listening(
                    listener.id(),
                    listener.channel(),
                    listener.state(),
                    failure == null ? null : failure.toString(),
                    listener.counts());
        }
    }

    /**
     * One channel.
     *
     * @param counts how many events it has
     * @param leases who holds some of them, those whose leases end first
     * @param processingTimes how long those took that were acknowledged last
     */
    public record OneChannel(ChannelCounts counts, List<LeaseHolder> leases, ProcessingTimes processingTimes) {}

    /**
     * A page of dead letters.
     *
     * @param deadLetters the dead letters
     * @param next what to give as {@code after} for the next page; null if this may be the last
     */
    public record Page(List<Dead> deadLetters, @Nullable String next) {}

    /**
     * A dead letter.
     *
     * @param eventId the event's id
     * @param type its type
     * @param key its key
     * @param attempts how many times it was delivered
     * @param reason why it is dead
     * @param publishedAt when it was published
     * @param diedAt when it died
     * @param payload its JSON text, if payloads are shown
     * @param metadata what travels with it, if payloads are shown
     */
    public record Dead(
            String eventId,
            @Nullable String type,
            @Nullable String key,
            int attempts,
            @Nullable String reason,
            Instant publishedAt,
            Instant diedAt,
            @Nullable String payload,
            @Nullable Map<String, Object> metadata) {}

    /**
     * How many dead letters were worked on.
     *
     * @param count their number
     */
    public record Done(long count) {}

    /** What of a channel can be asked for. */
    public enum Part {
        /** Its dead letters. */
        DEAD_LETTERS
    }

    // == What it is asked ==

    /** {@return what is stored and who listens} */
    @ReadOperation
    public Mono<Overview> overview() {
        ChannelSnapshot snapshot = events instanceof R2dbcEventChannel channel ? channel.snapshot() : null;
        List<Listening> listening =
                listeners.listeners().stream().map(Listening::of).toList();
        return stored().map(channels -> snapshot == null
                ? new Overview(null, null, null, listening, channels)
                : new Overview(
                        snapshot.backend().name(),
                        snapshot.notifications().name(),
                        snapshot.totals(),
                        listening,
                        channels));
    }

    private Mono<List<ChannelCounts>> stored() {
        return Mono.defer(() -> events.inspect().counts().collectList())
                .onErrorReturn(EventException.Unsupported.class, List.of());
    }

    /**
     * Looks into a channel.
     *
     * @param channel the channel's name
     * @return the counts, the leases and the processing times
     */
    @ReadOperation
    public Mono<OneChannel> channel(@Selector String channel) {
        return asked(() -> Mono.zip(
                        events.inspect().counts(channel),
                        events.inspect().leases(channel, LEASES).collectList(),
                        events.inspect().processingTimes(channel, TIMES))
                .map(found -> new OneChannel(found.getT1(), found.getT2(), found.getT3())));
    }

    /**
     * Browses a channel's dead letters, the latest first.
     *
     * @param channel the channel's name
     * @param part {@code dead-letters}
     * @param limit how many at most; 20 without it
     * @param type only those of this type
     * @param after where the last page ended
     * @return a page
     */
    @ReadOperation
    public Mono<Page> browse(
            @Selector String channel,
            @Selector Part part,
            @Nullable Integer limit,
            @Nullable String type,
            @Nullable String after) {
        int size = limit == null ? PAGE : limit;
        return asked(() -> {
            DeadLetterQuery query = DeadLetterQuery.latest(size);
            query = type == null ? query : query.withType(type);
            query = after == null ? query : query.after(after);
            return events.deadLetters(channel)
                    .browse(query)
                    .collectList()
                    .map(found -> new Page(
                            found.stream().map(this::shown).toList(),
                            found.size() < size ? null : found.get(size - 1).cursor()));
        });
    }

    private Dead shown(DeadLetter dead) {
        return new Dead(
                dead.eventId(),
                dead.type(),
                dead.key(),
                dead.attempts(),
                dead.reason(),
                dead.publishedAt(),
                dead.diedAt(),
                showPayloads ? dead.payloadText() : null,
                showPayloads ? dead.metadata() : null);
    }

    /**
     * Lets dead letters be delivered again: one, or some, the oldest first.
     *
     * @param channel the channel's name
     * @param part {@code dead-letters}
     * @param eventId which one
     * @param limit or how many at most
     * @param type of these, only those of this type
     * @return how many
     */
    @WriteOperation
    public Mono<Done> requeue(
            @Selector String channel,
            @Selector Part part,
            @Nullable String eventId,
            @Nullable Long limit,
            @Nullable String type) {
        return asked(() -> {
            DeadLetters dead = events.deadLetters(channel);
            return some(eventId, limit, type, dead::requeue, dead::requeue);
        });
    }

    /**
     * Deletes dead letters: one, or some, the oldest first.
     *
     * @param channel the channel's name
     * @param part {@code dead-letters}
     * @param eventId which one
     * @param limit or how many at most
     * @param type of these, only those of this type
     * @return how many
     */
    @DeleteOperation
    public Mono<Done> purge(
            @Selector String channel,
            @Selector Part part,
            @Nullable String eventId,
            @Nullable Long limit,
            @Nullable String type) {
        return asked(() -> {
            DeadLetters dead = events.deadLetters(channel);
            return some(eventId, limit, type, dead::purge, dead::purge);
        });
    }

    private static Mono<Done> some(
            @Nullable String eventId,
            @Nullable Long limit,
            @Nullable String type,
            Function<String, Mono<Boolean>> one,
            Function<DeadLetterQuery, Mono<Long>> many) {
        if ((eventId == null) == (limit == null)) {
            throw new EventException.Invalid("Dead letters were to be requeued or purged by the id " + eventId
                    + " and the limit " + limit + "; give one of the two.");
        }
        if (eventId != null) {
            return one.apply(eventId).map(done -> new Done(done ? 1 : 0));
        }
        DeadLetterQuery query = DeadLetterQuery.oldest(Objects.requireNonNull(limit));
        return many.apply(type == null ? query : query.withType(type)).map(Done::new);
    }

    /** What the caller can correct is told as such. */
    private static <T> Mono<T> asked(Supplier<Mono<T>> question) {
        return Mono.defer(question)
                .onErrorMap(
                        failure -> failure instanceof EventException.Invalid
                                || failure instanceof EventException.Unsupported,
                        failure -> new InvalidEndpointRequestException(
                                String.valueOf(failure.getMessage()), String.valueOf(failure.getMessage())));
    }
}
