/**
 * Database event channels: what an application sees.
 *
 * <p>Start at {@link dev.reactiveevents.EventChannel}. Everything that returns a {@code Mono} or a {@code Flux} is cold:
 * nothing happens before it is subscribed to.
 */
@NullMarked
package dev.reactiveevents;

import org.jspecify.annotations.NullMarked;
