/**
 * The engine that turns any {@link dev.reactiveevents.spi.EventBackend} into an {@link dev.reactiveevents.EventChannel}:
 * batching, backpressure, leases and settling. Its door is {@link dev.reactiveevents.engine.EventChannels}.
 */
@NullMarked
package dev.reactiveevents.engine;

import org.jspecify.annotations.NullMarked;
