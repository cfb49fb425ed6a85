package dev.reactiveevents.spring;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.micrometer.QueueGauges;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.Disposable;
import reactor.core.Disposables;

/**
 * What an operator sees of the channel: its health, its endpoint, its gauges; each where the application has what it needs. The
 * conditions that come with these modules stand on methods, which are looked at only if the modules are there.
 */
@AutoConfiguration(
        after = ReactiveEventsAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnBean({EventChannel.class, ChannelListeners.class})
public final class ReactiveEventsActuatorAutoConfiguration {

    /** For Spring. */
    public ReactiveEventsActuatorAutoConfiguration() {}

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ConditionalOnEnabledHealthIndicator.class)
    static class OfHealth {

        @Bean
        @ConditionalOnEnabledHealthIndicator("events")
        @ConditionalOnMissingBean(name = "eventsHealthIndicator")
        ChannelHealthIndicator eventsHealthIndicator(
                EventChannel events, ChannelListeners listeners, ReactiveEventsProperties properties) {
            return new ChannelHealthIndicator(
                    events, listeners, properties.health().oldestReady());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
    static class OfEndpoint {

        @Bean
        @ConditionalOnAvailableEndpoint
        @ConditionalOnMissingBean
        EventsEndpoint eventsEndpoint(
                EventChannel events, ChannelListeners listeners, ReactiveEventsProperties properties) {
            return new EventsEndpoint(events, listeners, properties.endpoint().showPayloads());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    @ConditionalOnBean(MeterRegistry.class)
    static class OfGauges {

        @Bean(destroyMethod = "dispose")
        Disposable eventQueueGauges(EventChannel events, ReactiveEventsProperties properties, MeterRegistry meters) {
            return Disposables.composite(properties.gauges().channels().stream()
                    .map(channel -> QueueGauges.register(
                            events, channel, properties.gauges().interval(), meters))
                    .toArray(Disposable[]::new));
        }
    }
}
