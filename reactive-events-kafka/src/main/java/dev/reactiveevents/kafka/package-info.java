/** Passes events on to Kafka, by the plain client: as the transport of a relay, or as a step of a pipeline. */
@NullMarked
package dev.reactiveevents.kafka;

import org.jspecify.annotations.NullMarked;
