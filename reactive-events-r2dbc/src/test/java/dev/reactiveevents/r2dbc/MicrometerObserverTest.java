package dev.reactiveevents.r2dbc;

import static io.micrometer.observation.tck.TestObservationRegistryAssert.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.micrometer.EventMeters;
import dev.reactiveevents.micrometer.EventObservations;
import dev.reactiveevents.micrometer.MicrometerObserver;
import dev.reactiveevents.micrometer.ProcessContext;
import dev.reactiveevents.micrometer.ProcessConvention;
import dev.reactiveevents.micrometer.QueueGauges;
import io.micrometer.common.KeyValue;
import io.micrometer.common.KeyValues;
import io.micrometer.common.docs.KeyName;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import io.micrometer.observation.tck.TestObservationRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;

/** What Micrometer sees of a table queue. */
class MicrometerObserverTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final TestDatabase database = TestDatabase.h2().migrated();
    private final TestObservationRegistry observations = TestObservationRegistry.create();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final MicrometerObserver observer = MicrometerObserver.of(observations, meters);
    private R2dbcEventChannel events = open(observer);

    private R2dbcEventChannel open(MicrometerObserver observing) {
        return database.builder().observer(observing).build();
    }

    @AfterEach
    void shutDown() {
        events.shutdown().block(LIMIT);
    }

    private static void await(BooleanSupplier holds) {
        Mono.fromSupplier(holds::getAsBoolean)
                .filter(held -> held)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
    }

    /** Handles one event, until its outcome is stored. */
    private void handleOne(EventHandler handler, ListenOptions options) {
        EventListener listener = events.listen("orders", handler, options);
        events.publish(Event.of("orders", 1).withType("order.placed")).block(LIMIT);
        await(() -> listener.counts().acked() + listener.counts().deadLettered() == 1);
        listener.stop(LIMIT).block(LIMIT);
    }

    private void handleOne() {
        handleOne(message -> Mono.empty(), ListenOptions.defaults());
    }

    @Test
    void publishingIsObserved() {
        handleOne();

        assertThat(observations)
                .hasNumberOfObservationsWithNameEqualTo("events.publish.duration", 1)
                .hasObservationWithNameEqualTo("events.publish.duration")
                .that()
                .hasContextualNameEqualTo("events.publish")
                .hasLowCardinalityKeyValue("channel", "orders")
                .hasLowCardinalityKeyValue("result", "done")
                .hasHighCardinalityKeyValue("event.type", "order.placed")
                .hasHighCardinalityKeyValue("event.count", "1")
                .hasHighCardinalityKeyValueWithKey("event.id")
                .doesNotHaveError()
                .hasBeenStarted()
                .hasBeenStopped();
    }

    @Test
    void aHandlerIsObserved() {
        handleOne();

        assertThat(observations)
                .hasNumberOfObservationsWithNameEqualTo("events.process.duration", 1)
                .hasObservationWithNameEqualTo("events.process.duration")
                .that()
                .hasContextualNameEqualTo("events.process")
                .hasLowCardinalityKeyValue("channel", "orders")
                .hasLowCardinalityKeyValue("result", "done")
                .hasHighCardinalityKeyValue("event.type", "order.placed")
                .hasHighCardinalityKeyValue("event.attempt", "1")
                .hasBeenStopped();
    }

    @Test
    void aHandlerThatFailsIsObservedWithItsError() {
        IllegalStateException failure = new IllegalStateException("never");
        handleOne(message -> Mono.error(failure), ListenOptions.defaults().withRetry(RetryPolicy.none()));

        assertThat(observations)
                .hasObservationWithNameEqualTo("events.process.duration")
                .that()
                .hasLowCardinalityKeyValue("result", "failed")
                .hasError(failure)
                .hasBeenStopped();
        assertThat(observations)
                .hasObservationWithNameEqualTo("events.settle.duration")
                .that()
                .hasLowCardinalityKeyValue("outcome", "dead")
                .hasLowCardinalityKeyValue("result", "done");
    }

    @Test
    void anAcknowledgementBelongsToTheHandler() {
        handleOne();

        assertThat(observations)
                .hasNumberOfObservationsWithNameEqualTo("events.settle.duration", 1)
                .hasObservationWithNameEqualTo("events.settle.duration")
                .that()
                .hasContextualNameEqualTo("events.ack")
                .hasLowCardinalityKeyValue("outcome", "ack")
                .hasLowCardinalityKeyValue("result", "done")
                .hasParentObservationContextMatching(parent -> parent instanceof ProcessContext)
                .hasBeenStopped();
    }

    @Test
    void claimsThatFindNothingAreNotObserved() {
        events.receive("orders", Duration.ofMillis(300)).block(LIMIT);
        assertThat(observations).doesNotHaveAnyObservation();
        handleOne();

        assertThat(observations)
                .hasNumberOfObservationsWithNameEqualTo("events.dequeue", 1)
                .hasObservationWithNameEqualTo("events.dequeue")
                .that()
                .hasLowCardinalityKeyValue("channel", "orders")
                .hasHighCardinalityKeyValue("event.count", "1")
                .hasBeenStopped();
        assertThat(meters.get(EventMeters.CLAIM.getName()).timer().count()).isEqualTo(1);
    }

    @Test
    void whatIsPublishedBelongsToTheObservationOfItsCaller() {
        Observation request = Observation.start("request", observations);
        events.publish("orders", 1)
                .contextWrite(Context.of(ObservationThreadLocalAccessor.KEY, request))
                .block(LIMIT);
        request.stop();

        assertThat(observations)
                .hasObservationWithNameEqualTo("events.publish.duration")
                .that()
                .hasParentObservationEqualTo(request);
    }

    @Test
    void aHandlerFindsItsObservationInItsContext() {
        Sinks.One<Observation> seen = Sinks.one();
        handleOne(
                message -> Mono.deferContextual(context -> {
                    seen.tryEmitValue(context.get(ObservationThreadLocalAccessor.KEY));
                    return Mono.empty();
                }),
                ListenOptions.defaults());

        assertThat(seen.asMono().block(LIMIT).getContext()).isInstanceOf(ProcessContext.class);
    }

    @Test
    void aPublishThatIsRefusedByTheDatabaseIsObservedWithItsError() {
        database.execute("DROP TABLE \"queue\"");
        Throwable failure = events.publish("orders", 1)
                .then(Mono.<Throwable>empty())
                .onErrorResume(Mono::just)
                .block(LIMIT);

        assertThat(observations)
                .hasObservationWithNameEqualTo("events.publish.duration")
                .that()
                .hasLowCardinalityKeyValue("result", "failed")
                .hasError(failure);
        assertThat(meters.find("events.publish").counter()).isNull();
    }

    @Test
    void conventionsCanBeReplaced() {
        events = open(observer.withProcessConvention(new ProcessConvention() {
            @Override
            public String getName() {
                return "work";
            }

            @Override
            public KeyValues getLowCardinalityKeyValues(ProcessContext context) {
                return KeyValues.of("kind", String.valueOf(context.message().type()));
            }
        }));
        handleOne();

        assertThat(observations)
                .hasObservationWithNameEqualTo("work")
                .that()
                .hasLowCardinalityKeyValue("kind", "order.placed")
                .doesNotHaveLowCardinalityKeyValueWithKey("channel");
    }

    @Test
    void withoutAnObservationRegistryThereAreCountersAlone() {
        events = open(MicrometerObserver.of(ObservationRegistry.NOOP, meters));
        handleOne();

        assertThat(meters.get("events.ack").tag("channel", "orders").counter().count())
                .isEqualTo(1);
        assertThat(observations).doesNotHaveAnyObservation();
    }

    // == What there is is documented ==

    @Test
    void everyKeyOfAnObservationIsDocumented() {
        handleOne();
        Stream.of(EventObservations.values())
                .forEach(documented -> assertThat(observations)
                        .hasObservationWithNameEqualTo(documented.getName())
                        .that()
                        .satisfies(context -> {
                            assertThat(names(documented.getLowCardinalityKeyNames()))
                                    .isEqualTo(keys(context.getLowCardinalityKeyValues()));
                            assertThat(names(documented.getHighCardinalityKeyNames()))
                                    .containsAll(keys(context.getHighCardinalityKeyValues()));
                        }));
    }

    private static Set<String> names(KeyName... names) {
        return Stream.of(names).map(KeyName::asString).collect(Collectors.toSet());
    }

    private static Set<String> keys(KeyValues values) {
        return values.stream().map(KeyValue::getKey).collect(Collectors.toSet());
    }

    @Test
    void everyMeterIsDocumented() {
        Disposable gauges = QueueGauges.register(events, "orders", Duration.ofSeconds(10), meters);
        handleOne();
        gauges.dispose();
        List<Meter> all = meters.getMeters();

        assertThat(all).isNotEmpty().allSatisfy(meter -> {
            EventMeters documented = Stream.of(EventMeters.values())
                    .filter(each -> each.getName().equals(meter.getId().getName()))
                    .findAny()
                    .orElseThrow(() -> new AssertionError(meter.getId()));
            assertThat(meter.getId().getType()).isEqualTo(documented.getType());
            assertThat(meter.getId().getTags())
                    .extracting(Tag::getKey)
                    .containsExactlyInAnyOrderElementsOf(names(documented.getKeyNames()));
        });
    }

    // == Gauges ==

    @Test
    void gaugesFollowTheQueue() {
        Disposable gauges = QueueGauges.register(events, "orders", Duration.ofMillis(100), meters);
        events.publish("orders", 1).block(LIMIT);
        events.publish("orders", 2).block(LIMIT);
        await(() -> gauge("events.queue.ready") == 2);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        await(() -> gauge("events.queue.ready") == 1 && gauge("events.queue.leased") == 1);
        message.reject("bad").block(LIMIT);
        await(() -> gauge("events.queue.dead") == 1 && gauge("events.queue.leased") == 0);
        await(() -> gauge("events.queue.oldest.age") > 0);
        gauges.dispose();

        assertThat(meters.find("events.queue.ready").gauge()).isNull();
    }

    private double gauge(String name) {
        return meters.get(name).tag("channel", "orders").gauge().value();
    }
}
