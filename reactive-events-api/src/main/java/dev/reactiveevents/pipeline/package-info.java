/**
 * Operators for pipelines that begin with a subscription: work on events, keep what comes of it together with its event, and
 * settle the event by it. Nothing here takes more events than the number that it is given.
 */
@NullMarked
package dev.reactiveevents.pipeline;

import org.jspecify.annotations.NullMarked;
