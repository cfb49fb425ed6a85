package dev.reactiveevents.engine;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.DeadEvent.Found;
import dev.reactiveevents.spi.DeadEvent.Place;
import dev.reactiveevents.spi.DeadEvent.Range;
import dev.reactiveevents.spi.StoreUpkeep;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The dead letters of one channel. Goes through them step by step: each looks at a bounded number, takes of them what the
 * query wants, and says where the next begins.
 */
final class StoredDeadLetters implements DeadLetters {

    /** How many are looked at, and changed, at once. */
    private static final int STEP = 1_000;

    /** How many are read at once, because their payloads are. */
    private static final int PAGE = 100;

    private static final Pattern CURSOR = Pattern.compile("([0-9]{1,17})-([0-9]{1,18})");

    private final String channel;
    private final Upkeep upkeep;
    private final PayloadCodec codec;

    StoredDeadLetters(String channel, Upkeep upkeep, PayloadCodec codec) {
        this.channel = channel;
        this.upkeep = upkeep;
        this.codec = codec;
    }

    @Override
    public String channel() {
        return channel;
    }

    // == Looking ==

    @Override
    public Mono<Long> count() {
        return count(DeadLetterQuery.oldest(Long.MAX_VALUE));
    }

    @Override
    public Mono<Long> count(DeadLetterQuery query) {
        return Mono.defer(() -> {
            Range range = range(query);
            return query.limit() == Long.MAX_VALUE
                    ? upkeep.one(said("Counting"), store -> store.countDead(range, query.type()))
                    : upkeep.many(said("Counting"), store -> steps(store, query, STEP))
                            .map(step -> (long) step.wanted().size())
                            .reduce(0L, Long::sum);
        });
    }

    @Override
    public Flux<DeadLetter> browse(DeadLetterQuery query) {
        return upkeep.many(
                said("Reading"),
                store -> steps(store, query, size(query))
                        .concatMapIterable(step -> pages(step.wanted()), 1)
                        .concatMap(page -> read(store, page), 1)
                        .concatMapIterable(page -> page, 1));
    }

    /** Where all that is found is wanted, no more is looked at than is read at once. */
    private int size(DeadLetterQuery query) {
        return given(query).type() == null ? PAGE : STEP;
    }

    private static List<List<Found>> pages(List<Found> found) {
        return IntStream.iterate(0, from -> from < found.size(), from -> from + PAGE)
                .mapToObj(from -> found.subList(from, Math.min(from + PAGE, found.size())))
                .toList();
    }

    /** In the order in which they were found; what is dead no more is left out. */
    private Mono<List<DeadLetter>> read(StoreUpkeep store, List<Found> page) {
        return store.readDead(channel, ids(page)).map(events -> {
            Map<UUID, DeadEvent> byId = events.stream()
                    .collect(Collectors.toMap(dead -> dead.event().eventId(), Function.identity()));
            return page.stream()
                    .filter(found -> byId.containsKey(found.eventId()))
                    .<DeadLetter>map(found -> new StoredDeadLetter(
                            Objects.requireNonNull(byId.get(found.eventId())), cursor(found.place()), this, codec))
                    .toList();
        });
    }

    // == Changing ==

    @Override
    public Mono<Boolean> requeue(String eventId) {
        return change("Requeueing", eventId, this::requeue);
    }

    @Override
    public Mono<Long> requeue(DeadLetterQuery query) {
        return change("Requeueing", query, this::requeue);
    }

    @Override
    public Mono<Boolean> purge(String eventId) {
        return change("Purging", eventId, this::purge);
    }

    @Override
    public Mono<Long> purge(DeadLetterQuery query) {
        return change("Purging", query, this::purge);
    }

    private Mono<Long> requeue(StoreUpkeep store, Collection<UUID> ids) {
        return store.requeueDead(channel, ids).doOnNext(this::wake);
    }

    /** It may have held back others of its key. */
    private Mono<Long> purge(StoreUpkeep store, Collection<UUID> ids) {
        return store.purgeDead(channel, ids).doOnNext(this::wake);
    }

    private void wake(long changed) {
        if (changed > 0) {
            upkeep.wake(channel);
        }
    }

    /** What is done to a few of them, and how many they were. */
    private interface Change {
        Mono<Long> apply(StoreUpkeep store, Collection<UUID> ids);
    }

    private Mono<Boolean> change(String doing, @Nullable String eventId, Change change) {
        return Mono.defer(() -> {
            UUID id = EventChannel.requireValidId(eventId);
            return upkeep.one(said(doing), store -> change.apply(store, List.of(id)))
                    .map(changed -> changed > 0);
        });
    }

    private Mono<Long> change(String doing, DeadLetterQuery query, Change change) {
        return upkeep.many(
                        said(doing),
                        store -> steps(store, query, STEP)
                                .filter(step -> !step.wanted().isEmpty())
                                .concatMap(step -> change.apply(store, ids(step.wanted())), 1))
                .reduce(0L, Long::sum);
    }

    private String said(String doing) {
        return doing + " dead letters of channel \"" + channel + '"';
    }

    private static List<UUID> ids(List<Found> found) {
        return found.stream().map(Found::eventId).toList();
    }

    // == Step by step ==

    /**
     * A step.
     *
     * @param wanted what the query wants of what was looked at
     * @param rest where the next one begins, if there is one
     * @param left how many more are wanted
     */
    private record Step(List<Found> wanted, @Nullable Range rest, long left) {}

    private static Step step(DeadLetterQuery query, Range range, long left, int size, List<Found> found) {
        List<Found> wanted = found.stream()
                .filter(one -> query.type() == null || query.type().equals(one.type()))
                .limit(left)
                .toList();
        long leftThen = left - wanted.size();
        boolean over = found.size() < size || leftThen == 0;
        return new Step(
                wanted, over ? null : range.after(found.get(found.size() - 1).place()), leftThen);
    }

    private Flux<Step> steps(StoreUpkeep store, DeadLetterQuery query, int size) {
        return bounded(store, query, size)
                .flatMap(range -> next(store, query, range, query.limit(), size))
                .expand(step ->
                        step.rest() == null ? Mono.empty() : next(store, query, step.rest(), step.left(), size));
    }

    /**
     * Where to look. The oldest first, the steps would go on into what dies meanwhile: what is requeued and dies again would
     * be found again, and they might never end. So they end with the last one that is dead at the beginning: what dies later
     * has a later place, by the store's own clock.
     */
    private Mono<Range> bounded(StoreUpkeep store, DeadLetterQuery query, int size) {
        Range range = range(query);
        boolean oneStep = query.type() == null && query.limit() <= size;
        return range.latestFirst() || oneStep
                ? Mono.just(range)
                : store.findDead(range.turned(), 1)
                        .filter(last -> !last.isEmpty())
                        .map(last -> range.upTo(last.get(0).place()));
    }

    private static Mono<Step> next(StoreUpkeep store, DeadLetterQuery query, Range range, long left, int size) {
        int asked = query.type() == null ? (int) Math.min(size, left) : size;
        return store.findDead(range, asked).map(found -> step(query, range, left, asked, found));
    }

    private DeadLetterQuery given(@Nullable DeadLetterQuery query) {
        if (query == null) {
            throw new EventException.Invalid(said("Looking for")
                    + " was asked for without a query; give one, such as DeadLetterQuery.latest(100).");
        }
        return query;
    }

    private Range range(DeadLetterQuery asked) {
        DeadLetterQuery query = given(asked);
        Range all = new Range(
                channel,
                place(query.diedFrom(), Place.FIRST),
                place(query.diedBefore(), Place.LAST),
                query.isLatestFirst());
        return query.cursor() == null ? all : all.after(place(query.cursor()));
    }

    /** Within what a store can compare with; by whole microseconds, which a store keeps. */
    private static Place place(@Nullable Instant time, Place otherwise) {
        if (time == null) {
            return otherwise;
        }
        Instant micros = time.truncatedTo(ChronoUnit.MICROS);
        Place place = Place.before(micros.equals(time) ? micros : micros.plus(1, ChronoUnit.MICROS));
        return place.compareTo(Place.FIRST) < 0 ? Place.FIRST : place.compareTo(Place.LAST) > 0 ? Place.LAST : place;
    }

    // == Cursors: microseconds since 1970, and the place in publish order ==

    private static String cursor(Place place) {
        Instant time = place.diedAt();
        long micros = TimeUnit.SECONDS.toMicros(time.getEpochSecond()) + TimeUnit.NANOSECONDS.toMicros(time.getNano());
        return micros + "-" + place.seq();
    }

    private static Place place(String cursor) {
        Matcher parts = CURSOR.matcher(cursor);
        if (!parts.matches()) {
            throw new EventException.Invalid(
                    "The cursor \"" + cursor + "\" is none of a dead letter; give what DeadLetter.cursor() answered.");
        }
        Instant diedAt = Instant.EPOCH.plus(Long.parseLong(parts.group(1)), ChronoUnit.MICROS);
        return new Place(diedAt, Long.parseLong(parts.group(2)));
    }
}
