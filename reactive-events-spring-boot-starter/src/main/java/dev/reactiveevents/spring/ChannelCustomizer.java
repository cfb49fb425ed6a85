package dev.reactiveevents.spring;

import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;

/** A bean that changes how the application's channel is built, after the properties: for what they do not cover. */
@FunctionalInterface
public interface ChannelCustomizer {

    /**
     * Changes how the channel is built. Several are called in the order of their beans.
     *
     * @param builder the builder as the properties and those before have left it
     */
    void customize(R2dbcEventChannelBuilder builder);
}
