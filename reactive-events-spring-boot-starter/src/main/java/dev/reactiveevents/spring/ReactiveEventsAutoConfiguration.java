package dev.reactiveevents.spring;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;
import dev.reactiveevents.spi.EventObserver;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.autoconfigure.context.LifecycleProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcAutoConfiguration;
import org.springframework.boot.sql.init.dependency.DependsOnDatabaseInitialization;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Primary;
import tools.jackson.databind.json.JsonMapper;

/**
 * The channel of an application on its {@code ConnectionFactory}, the publisher that joins its transactions, and its listeners.
 * Each backs off for a bean of the application's.
 */
@AutoConfiguration(
        after = {R2dbcAutoConfiguration.class, ReactiveEventsObservationAutoConfiguration.class},
        afterName = "org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration")
@ConditionalOnBooleanProperty(name = "reactive-events.enabled", matchIfMissing = true)
@EnableConfigurationProperties(ReactiveEventsProperties.class)
public final class ReactiveEventsAutoConfiguration {

    /** For Spring. */
    public ReactiveEventsAutoConfiguration() {}

    @Bean
    static SchemaAtStart eventSchemaAtStart(ObjectProvider<ReactiveEventsProperties> properties) {
        return new SchemaAtStart(properties);
    }

    /** Waits for what else makes tables, such as Flyway, since that may make those of the channel. */
    @Bean(destroyMethod = "shutdown")
    @ConditionalOnMissingBean(EventChannel.class)
    @ConditionalOnSingleCandidate(ConnectionFactory.class)
    @DependsOnDatabaseInitialization
    R2dbcEventChannel eventChannel(
            ConnectionFactory database,
            ReactiveEventsProperties properties,
            ObjectProvider<EventObserver> observer,
            ObjectProvider<JsonMapper> jsonMapper,
            ObjectProvider<ChannelCustomizer> customizers) {
        R2dbcEventChannelBuilder builder = R2dbcEventChannel.builder(database);
        ConfiguredChannel.apply(properties, builder);
        jsonMapper.ifUnique(builder::jsonMapper);
        observer.ifUnique(builder::observer);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        return builder.build();
    }

    /** Who asks for an {@code EventPublisher} gets this one, and not the channel, which is one too. */
    @Bean
    @Primary
    @ConditionalOnSingleCandidate(R2dbcEventChannel.class)
    @ConditionalOnMissingBean(value = EventPublisher.class, ignored = EventChannel.class)
    EventPublisher eventPublisher(R2dbcEventChannel events) {
        return new JoiningPublisher(events, new SpringTransactions());
    }

    /** Fails if there are several channels and none is primary, since the listeners would listen on none. */
    @Bean
    @ConditionalOnBean(EventChannel.class)
    ChannelListeners channelListeners(
            EventChannel events,
            ObjectProvider<DeclaredListener> declared,
            ConfigurableListableBeanFactory beans,
            ReactiveEventsProperties properties,
            ObjectProvider<LifecycleProperties> lifecycle) {
        Duration given = properties.listeners().shutdownTimeout();
        Duration phase = lifecycle.getIfAvailable(LifecycleProperties::new).getTimeoutPerShutdownPhase();
        return new ChannelListeners(
                events,
                declared,
                new AnnotatedListeners(beans),
                properties.listeners(),
                given == null ? phase.multipliedBy(9).dividedBy(10) : given);
    }
}
