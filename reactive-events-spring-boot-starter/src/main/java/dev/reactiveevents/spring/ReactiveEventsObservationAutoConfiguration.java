package dev.reactiveevents.spring;

import dev.reactiveevents.micrometer.DequeueConvention;
import dev.reactiveevents.micrometer.MicrometerObserver;
import dev.reactiveevents.micrometer.ProcessConvention;
import dev.reactiveevents.micrometer.PublishConvention;
import dev.reactiveevents.micrometer.SettleConvention;
import dev.reactiveevents.spi.EventObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import java.util.function.BiFunction;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.AnyNestedCondition;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;

/** Meters and traces of the channel, in the registries that the application has. A convention of the application's is a bean. */
@AutoConfiguration(
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration",
            "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration"
        })
@ConditionalOnClass({MeterRegistry.class, ObservationRegistry.class})
public final class ReactiveEventsObservationAutoConfiguration {

    /** For Spring. */
    public ReactiveEventsObservationAutoConfiguration() {}

    /** Without a meter registry there are no counters, without an observation registry no timers and no spans. */
    @Bean
    @ConditionalOnMissingBean
    @Conditional(SomeRegistry.class)
    EventObserver eventObserver(
            ObjectProvider<ObservationRegistry> observations,
            ObjectProvider<MeterRegistry> meters,
            ObjectProvider<PublishConvention> publish,
            ObjectProvider<DequeueConvention> dequeue,
            ObjectProvider<ProcessConvention> process,
            ObjectProvider<SettleConvention> settle) {
        MicrometerObserver observer = MicrometerObserver.of(
                observations.getIfAvailable(() -> ObservationRegistry.NOOP),
                meters.getIfAvailable(CompositeMeterRegistry::new));
        observer = with(observer, publish, MicrometerObserver::withPublishConvention);
        observer = with(observer, dequeue, MicrometerObserver::withDequeueConvention);
        observer = with(observer, process, MicrometerObserver::withProcessConvention);
        return with(observer, settle, MicrometerObserver::withSettleConvention);
    }

    private static <C> MicrometerObserver with(
            MicrometerObserver observer,
            ObjectProvider<C> convention,
            BiFunction<MicrometerObserver, C, MicrometerObserver> change) {
        C own = convention.getIfAvailable();
        return own == null ? observer : change.apply(observer, own);
    }

    static final class SomeRegistry extends AnyNestedCondition {

        SomeRegistry() {
            super(ConfigurationPhase.REGISTER_BEAN);
        }

        @ConditionalOnBean(MeterRegistry.class)
        static class Meters {}

        @ConditionalOnBean(ObservationRegistry.class)
        static class Observations {}
    }
}
