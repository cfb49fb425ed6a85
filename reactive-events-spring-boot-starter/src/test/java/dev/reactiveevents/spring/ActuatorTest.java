package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.micrometer.ProcessConvention;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.test.InMemoryBackend;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** What operators see, when it is there and what it says; on H2. */
class ActuatorTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    R2dbcAutoConfiguration.class,
                    ReactiveEventsAutoConfiguration.class,
                    ReactiveEventsActuatorAutoConfiguration.class,
                    ReactiveEventsObservationAutoConfiguration.class))
            .withPropertyValues(
                    "spring.r2dbc.url=r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1",
                    "reactive-events.shutdown-timeout=1s",
                    "reactive-events.listeners.shutdown-timeout=50ms",
                    "reactive-events.schema.migrate=true",
                    "management.endpoints.web.exposure.include=events");

    private ApplicationContextRunner listening(EventHandler handler) {
        return application.withBean(DeclaredListener.class, "orders", handler, ListenOptions.defaults());
    }

    private static Health health(ApplicationContext context) {
        return context.getBean(ChannelHealthIndicator.class).health().block(LIMIT);
    }

    private static void awaitDown(ApplicationContext context) {
        Mono.fromSupplier(() -> health(context).getStatus())
                .subscribeOn(Schedulers.boundedElastic())
                .filter(Status.DOWN::equals)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    // == Health ==

    @Test
    void anEventThatWaitsForTooLongIsDown() {
        listening(message -> Mono.never())
                .withPropertyValues("reactive-events.health.oldest-ready=1ms", "reactive-events.prefetch=1")
                .run(context -> {
                    assertThat(health(context).getStatus()).isEqualTo(Status.UP);
                    EventChannel events = context.getBean(EventChannel.class);
                    events.publish("orders", 1)
                            .then(events.publish("orders", 2))
                            .block(LIMIT);
                    awaitDown(context);
                    assertThat(health(context).getDetails()).containsKey("oldestReady");
                });
    }

    @Test
    void whereNoThresholdIsSetNothingIsAsked() {
        listening(message -> Mono.never())
                .withPropertyValues("reactive-events.prefetch=1")
                .run(context -> {
                    EventChannel events = context.getBean(EventChannel.class);
                    events.publish("orders", 1)
                            .then(events.publish("orders", 2))
                            .block(LIMIT);
                    assertThat(health(context).getStatus()).isEqualTo(Status.UP);
                    assertThat(health(context).getDetails()).doesNotContainKey("oldestReady");
                });
    }

    @Test
    void aListenerThatHasLostItsTableIsDown() {
        listening(message -> Mono.empty())
                .withPropertyValues("reactive-events.poll-interval=10ms")
                .run(context -> {
                    EventSchema.of(context.getBean(R2dbcEventChannel.class))
                            .drop()
                            .block(LIMIT);
                    awaitDown(context);
                    assertThat(health(context).getDetails().get("listeners").toString())
                            .contains(EventListener.State.CUT_OFF.name())
                            .contains("reactive_event_queue");
                });
    }

    @Test
    void anApplicationStartsWithoutItsDatabaseAndIsDown() {
        listening(message -> Mono.empty())
                .withPropertyValues(
                        "spring.r2dbc.url=r2dbc:postgresql://localhost:1/nowhere",
                        "spring.r2dbc.username=nobody",
                        "reactive-events.backend=table_queue",
                        "reactive-events.schema.migrate=false",
                        "reactive-events.listeners.ready-timeout=100ms")
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    awaitDown(context);
                });
    }

    @Test
    void healthCanBeTurnedOff() {
        application
                .withPropertyValues("management.health.events.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(ChannelHealthIndicator.class));
    }

    @Test
    void withoutActuatorNeitherIsThere() {
        application
                .withClassLoader(
                        new FilteredClassLoader("org.springframework.boot.health", "org.springframework.boot.actuate"))
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .hasSingleBean(EventChannel.class)
                        .doesNotHaveBean(EventsEndpoint.class)
                        .doesNotHaveBean("eventsHealthIndicator"));
    }

    // == Endpoint ==

    @Test
    void theEndpointIsThereIfItIsExposed() {
        application.run(context -> assertThat(context).hasSingleBean(EventsEndpoint.class));
        application
                .withPropertyValues("management.endpoints.web.exposure.include=health")
                .run(context -> assertThat(context).doesNotHaveBean(EventsEndpoint.class));
    }

    @Test
    void aChannelOfTheApplicationIsLookedIntoAsWell() {
        application
                .withBean(
                        EventChannel.class,
                        () -> InMemoryBackend.create().channel(),
                        definition -> definition.setDestroyMethodName("shutdown"))
                .run(context -> {
                    context.getBean(EventChannel.class).publish("orders", 1).block(LIMIT);
                    EventsEndpoint.Overview overview =
                            context.getBean(EventsEndpoint.class).overview().block(LIMIT);
                    assertThat(overview.channels()).hasSize(1);
                    assertThat(overview.backend()).isNull();
                    assertThat(health(context).getStatus()).isEqualTo(Status.UP);
                });
    }

    @Test
    void payloadsAreShownOnlyIfAskedFor() {
        listening(message -> message.reject("no such order").then()).run(context -> {
            EventChannel events = context.getBean(EventChannel.class);
            events.publish("orders", "secret").block(LIMIT);
            Mono.defer(() -> events.deadLetters("orders").count())
                    .filter(count -> count == 1)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
            EventsEndpoint.Page page = context.getBean(EventsEndpoint.class)
                    .browse("orders", EventsEndpoint.Part.DEAD_LETTERS, 1, null, null)
                    .block(LIMIT);
            assertThat(page.deadLetters()).singleElement().satisfies(dead -> {
                assertThat(dead.reason()).isEqualTo("no such order");
                assertThat(dead.payload()).isNull();
                assertThat(dead.metadata()).isNull();
            });
            EventsEndpoint.Page last = context.getBean(EventsEndpoint.class)
                    .browse("orders", EventsEndpoint.Part.DEAD_LETTERS, 1, null, page.next())
                    .block(LIMIT);
            assertThat(last.deadLetters()).isEmpty();
            assertThat(last.next()).isNull();
        });
    }

    // == Observation ==

    @Test
    void withoutRegistriesNobodyObserves() {
        application.run(context -> assertThat(context).doesNotHaveBean(EventObserver.class));
    }

    @Test
    void metersAreOfTheRegistryOfTheApplication() {
        application
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withPropertyValues("reactive-events.gauges.channels=orders", "reactive-events.gauges.interval=100ms")
                .run(context -> {
                    context.getBean(EventChannel.class).publish("orders", 1).block(LIMIT);
                    MeterRegistry meters = context.getBean(MeterRegistry.class);
                    assertThat(meters.get("events.publish").counter().count()).isEqualTo(1);
                    Mono.fromSupplier(() ->
                                    meters.get("events.queue.ready").gauge().value())
                            .filter(ready -> ready == 1)
                            .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                            .block(LIMIT);
                });
    }

    @Test
    void anObservationRegistryAloneIsEnough() {
        application
                .withBean(ObservationRegistry.class, ObservationRegistry::create)
                .withBean(ProcessConvention.class, ProcessConvention::new)
                .run(context -> assertThat(context).hasSingleBean(EventObserver.class));
    }

    @Test
    void anObserverOfTheApplicationReplacesOurs() {
        application
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withBean("own", EventObserver.class, () -> new EventObserver() {})
                .run(context ->
                        assertThat(context).hasSingleBean(EventObserver.class).hasBean("own"));
    }
}
