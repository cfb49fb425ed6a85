package dev.reactiveevents.spring;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.blocking.BlockingEventChannel;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;

/** The channel for code that blocks, if {@code reactive-events-bridge-blocking} is on the class path. */
@AutoConfiguration(after = ReactiveEventsAutoConfiguration.class)
@ConditionalOnClass(BlockingEventChannel.class)
@ConditionalOnSingleCandidate(EventChannel.class)
@ConditionalOnBooleanProperty(name = "reactive-events.blocking", matchIfMissing = true)
public final class ReactiveEventsBridgeAutoConfiguration {

    /** For Spring. */
    public ReactiveEventsBridgeAutoConfiguration() {}

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    BlockingEventChannel blockingEventChannel(EventChannel events) {
        return BlockingEventChannel.of(events);
    }
}
