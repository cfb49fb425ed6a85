package dev.reactiveevents.spring;

import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import reactor.core.publisher.Mono;

/** Brings the tables of a channel up to date, or looks at them, before anybody gets that channel; also of channels of the user's. */
final class SchemaAtStart implements BeanPostProcessor {

    private final ObjectProvider<ReactiveEventsProperties> properties;

    SchemaAtStart(ObjectProvider<ReactiveEventsProperties> properties) {
        this.properties = properties;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (bean instanceof R2dbcEventChannel channel) {
            AtStart.await(asked(EventSchema.of(channel)));
        }
        return bean;
    }

    private Mono<Void> asked(EventSchema schema) {
        return switch (properties.getObject().schema().migrate()) {
            case TRUE -> schema.migrate();
            case VALIDATE -> schema.validate();
            case FALSE -> Mono.empty();
        };
    }
}
