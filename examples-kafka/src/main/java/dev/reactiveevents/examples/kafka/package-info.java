/** Outboxes that are relayed to brokers, and the way back. */
@NullMarked
package dev.reactiveevents.examples.kafka;

import org.jspecify.annotations.NullMarked;
