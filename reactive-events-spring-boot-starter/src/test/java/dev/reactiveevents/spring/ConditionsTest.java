package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;
import dev.reactiveevents.test.InMemoryBackend;
import io.r2dbc.spi.ConnectionFactory;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcAutoConfiguration;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcInitializationAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.publisher.Mono;

/** What is there, when, and what is refused; on H2. */
class ConditionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    R2dbcAutoConfiguration.class,
                    ReactiveEventsAutoConfiguration.class,
                    ReactiveEventsBridgeAutoConfiguration.class,
                    ReactiveEventsObservationAutoConfiguration.class))
            .withPropertyValues(
                    "spring.r2dbc.url=r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1",
                    "reactive-events.shutdown-timeout=1s");

    private ApplicationContextRunner migrated() {
        return application.withPropertyValues("reactive-events.schema.migrate=true");
    }

    // == What is there ==

    @Test
    void aDatabaseIsEnoughForAChannelAndTheTwoWaysToUseIt() {
        migrated().run(context -> {
            assertThat(context).hasSingleBean(EventChannel.class).hasSingleBean(BlockingEventChannel.class);
            context.getBean(BlockingEventChannel.class).publish("orders", 42);
            EventMessage message =
                    context.getBean(EventChannel.class).receive("orders", LIMIT).block(LIMIT);
            assertThat(message.payloadAs(Integer.class)).isEqualTo(42);
            assertThat(message.ack().block(LIMIT)).isTrue();
        });
    }

    @Test
    void whoAsksForAPublisherGetsTheOneThatJoinsTransactions() {
        application.run(
                context -> assertThat(context.getBean(EventPublisher.class)).isInstanceOf(JoiningPublisher.class));
    }

    @Test
    void withoutADatabaseThereIsNothing() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        ReactiveEventsAutoConfiguration.class, ReactiveEventsObservationAutoConfiguration.class))
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .doesNotHaveBean(EventChannel.class)
                        .doesNotHaveBean(ChannelListeners.class)
                        .doesNotHaveBean(BlockingEventChannel.class));
    }

    @Test
    void itCanBeTurnedOff() {
        application
                .withPropertyValues("reactive-events.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(EventChannel.class));
    }

    @Test
    void withoutTheBridgeThereIsNoBlockingChannel() {
        application
                .withClassLoader(new FilteredClassLoader(BlockingEventChannel.class))
                .run(context -> assertThat(context)
                        .hasSingleBean(EventChannel.class)
                        .doesNotHaveBean(BlockingEventChannel.class));
    }

    @Test
    void whereBlockingIsForbiddenThereIsNoBlockingChannel() {
        application.withPropertyValues("reactive-events.blocking=false").run(context -> {
            assertThat(context).doesNotHaveBean(BlockingEventChannel.class);
            assertThat(context.getBean(EventChannel.class).allowsBlocking()).isFalse();
        });
    }

    @Test
    void withoutMicrometerItWorksTheSame() {
        migrated()
                .withClassLoader(new FilteredClassLoader("io.micrometer.core"))
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(context.getBean(EventChannel.class)
                                    .publish("orders", 42)
                                    .block(LIMIT))
                            .isNotNull();
                });
    }

    // == What is the application's own ==

    @Configuration(proxyBeanMethods = false)
    static class OwnChannel {

        @Bean(destroyMethod = "shutdown")
        EventChannel own() {
            return InMemoryBackend.create().channel();
        }
    }

    @Test
    void itBacksOffForAChannelOfTheApplication() {
        application.withUserConfiguration(OwnChannel.class).run(context -> {
            assertThat(context).hasSingleBean(EventChannel.class).hasBean("own").doesNotHaveBean("eventPublisher");
            assertThat(context.getBean(EventPublisher.class)).isSameAs(context.getBean("own"));
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnTable {

        @Bean(destroyMethod = "shutdown")
        R2dbcEventChannel own(ConnectionFactory database) {
            return R2dbcEventChannel.builder(database).queueTable("own_events").build();
        }
    }

    @Test
    void theTablesOfAChannelOfTheApplicationAreMadeAsWell() {
        migrated().withUserConfiguration(OwnTable.class).run(context -> {
            assertThat(context).hasSingleBean(EventChannel.class).hasBean("eventPublisher");
            EventSchema.of(context.getBean(R2dbcEventChannel.class)).validate().block(LIMIT);
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class SecondChannel {

        @Bean(destroyMethod = "shutdown", defaultCandidate = false)
        @Qualifier("second")
        R2dbcEventChannel second(ConnectionFactory database) {
            return R2dbcEventChannel.builder(database)
                    .queueTable("second_events")
                    .build();
        }
    }

    @Test
    void aSecondChannelIsForThoseWhoNameIt() {
        migrated().withUserConfiguration(SecondChannel.class).run(context -> {
            assertThat(context).hasNotFailed();
            assertThat(context.getBean(EventChannel.class)).isSameAs(context.getBean("eventChannel"));
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class TwoOfARank {

        @Bean(destroyMethod = "shutdown")
        EventChannel one() {
            return InMemoryBackend.create().channel();
        }

        @Bean(destroyMethod = "shutdown")
        EventChannel other() {
            return InMemoryBackend.create().channel();
        }
    }

    @Test
    void amongSeveralChannelsOneIsPrimary() {
        application
                .withUserConfiguration(TwoOfARank.class)
                .run(context -> assertThat(context).getFailure().rootCause().hasMessageContaining("one,other"));
    }

    @Configuration(proxyBeanMethods = false)
    static class Customized {

        @Bean
        ChannelCustomizer blockingForbidden() {
            return builder -> builder.queueTable("custom_events");
        }
    }

    @Test
    void aCustomizerHasTheLastWord() {
        migrated()
                .withPropertyValues("reactive-events.queue-table=other_events")
                .withUserConfiguration(Customized.class)
                .run(context -> assertThat(EventSchema.of(context.getBean(R2dbcEventChannel.class))
                                .script())
                        .contains("custom_events")
                        .doesNotContain("other_events"));
    }

    // == Properties ==

    @Test
    void everyOptionOfTheBuilderHasAProperty() {
        application
                .withPropertyValues(
                        "reactive-events.backend=table_queue",
                        "reactive-events.fallback=false",
                        "reactive-events.queue-table=app_events",
                        "reactive-events.lease=60",
                        "reactive-events.retention=7d",
                        "reactive-events.dead-retention=30d",
                        "reactive-events.poll-interval=250ms",
                        "reactive-events.probe-interval=10s",
                        "reactive-events.prefetch=100",
                        "reactive-events.claim-batch=50",
                        "reactive-events.max-attempts=5",
                        "reactive-events.retry.first=100ms",
                        "reactive-events.retry.longest=1m",
                        "reactive-events.dead-letter-keys=park",
                        "reactive-events.publish-timeout=5s",
                        "reactive-events.consumer-name=shop",
                        "reactive-events.wake-on-commit=false")
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    ReactiveEventsProperties properties = context.getBean(ReactiveEventsProperties.class);
                    assertThat(properties.lease()).isEqualTo(Duration.ofMinutes(1));
                    assertThat(EventSchema.of(context.getBean(R2dbcEventChannel.class))
                                    .script())
                            .contains("app_events");
                });
    }

    @Test
    void aBadValueIsToldByThePropertysName() {
        application
                .withPropertyValues("reactive-events.lease=1ms")
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasRootCauseInstanceOf(
                                org.springframework.boot.context.properties.source
                                        .InvalidConfigurationPropertyValueException.class)
                        .rootCause()
                        .hasMessageContaining("reactive-events.lease")
                        .hasMessageContaining("PT0.1S"));
    }

    @Test
    void theBuildersOptionsAreAmongTheProperties() {
        Set<String> notFromAFile =
                Set.of("dialect", "listenerConnections", "jsonMapper", "observer", "options", "build", "retryPolicy");
        Set<String> properties = Stream.of(ReactiveEventsProperties.class.getRecordComponents())
                .map(RecordComponent::getName)
                .collect(Collectors.toSet());
        assertThat(Stream.of(R2dbcEventChannelBuilder.class.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .map(Method::getName)
                        .filter(name -> !notFromAFile.contains(name)))
                .isSubsetOf(properties);
    }

    @Test
    void editorsKnowThem() throws IOException {
        try (InputStream metadata =
                ReactiveEventsProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json")) {
            assertThat(new String(metadata.readAllBytes(), StandardCharsets.UTF_8))
                    .contains("reactive-events.queue-table", "reactive-events.schema.migrate")
                    .contains("How long a message is its consumer's, from its hand-over.")
                    .contains("management.health.events.enabled", "management.endpoint.events.access");
        }
    }

    @Test
    void aNegativeTimeIsRefused() {
        application
                .withPropertyValues("reactive-events.listeners.shutdown-timeout=-1s")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("reactive-events.listeners.shutdown-timeout"));
    }

    @Test
    void anUnknownNameIsRefused() {
        application
                .withPropertyValues("reactive-events.leese=60")
                .run(context ->
                        assertThat(context).getFailure().rootCause().hasMessageContaining("reactive-events.leese"));
    }

    // == The tables ==

    @Test
    void withoutTablesAValidatingApplicationDoesNotStart() {
        application
                .withPropertyValues("reactive-events.schema.migrate=validate")
                .run(context ->
                        assertThat(context).getFailure().rootCause().hasMessageContaining("reactive_event_queue"));
    }

    @Test
    void withTablesItDoes() {
        migrated()
                .run(first -> application
                        .withPropertyValues("reactive-events.schema.migrate=validate")
                        .run(context -> assertThat(context).hasNotFailed()));
    }

    @Test
    void aScriptOfTheApplicationMayMakeThemFirst() throws IOException {
        Path script = Files.createTempFile("queue", ".sql");
        migrated()
                .run(other -> Files.writeString(
                        script,
                        EventSchema.of(other.getBean(R2dbcEventChannel.class)).script()));
        application
                .withConfiguration(AutoConfigurations.of(R2dbcInitializationAutoConfiguration.class))
                .withPropertyValues(
                        "spring.r2dbc.url=r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1",
                        "spring.sql.init.mode=always",
                        "spring.sql.init.schema-locations=file:" + script,
                        "reactive-events.schema.migrate=validate")
                .run(context -> assertThat(context).hasNotFailed());
        Files.delete(script);
    }

    // == Listeners that are declared wrongly ==

    static class TwoPayloads {
        @ChannelListener("orders")
        Mono<Void> handle(String one, String two) {
            return Mono.empty();
        }
    }

    @Test
    void aListenerHasOnePayload() {
        migrated()
                .withBean(TwoPayloads.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining("2 parameters for the payload"));
    }

    static class BadConcurrency {
        @ChannelListener(value = "orders", concurrency = "${workers}")
        Mono<Void> handle(String order) {
            return Mono.empty();
        }
    }

    @Test
    void badOptionsOfAListenerAreRefused() {
        migrated()
                .withPropertyValues("workers=0")
                .withBean(BadConcurrency.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining("handle")
                        .hasMessageContaining("was 0"));
    }

    static class Competing {
        @ChannelListener("orders")
        Mono<Void> one(String order) {
            return Mono.empty();
        }

        @ChannelListener("orders")
        Mono<Void> other(String order) {
            return Mono.empty();
        }
    }

    @Test
    void twoMethodsForOneChannelAreRefused() {
        migrated()
                .withBean(Competing.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining("\"orders\""));
    }

    @Test
    void withoutTablesAnApplicationThatListensDoesNotStart() {
        application
                .withBean(
                        DeclaredListener.class,
                        "orders",
                        (EventHandler) message -> Mono.empty(),
                        ListenOptions.defaults())
                .run(context ->
                        assertThat(context).getFailure().rootCause().hasMessageContaining("reactive_event_queue"));
    }

    @Test
    void listenersNeedNotStartWithTheApplication() {
        migrated()
                .withPropertyValues("reactive-events.listeners.auto-startup=false")
                .withBean(
                        DeclaredListener.class,
                        "orders",
                        (EventHandler) message -> Mono.empty(),
                        ListenOptions.defaults())
                .run(context -> {
                    ChannelListeners listeners = context.getBean(ChannelListeners.class);
                    assertThat(listeners.listeners()).isEmpty();
                    listeners.start();
                    List<EventListener> first = listeners.listeners();
                    assertThat(first).hasSize(1);
                    listeners.start();
                    assertThat(listeners.listeners()).isEqualTo(first);
                    listeners.stop();
                    assertThat(first.get(0).state()).isEqualTo(EventListener.State.STOPPED);
                    listeners.start();
                    assertThat(listeners.listeners()).isNotEqualTo(first);
                });
    }
}
