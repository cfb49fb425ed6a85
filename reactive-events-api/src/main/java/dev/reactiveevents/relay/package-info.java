/**
 * Passes the events of a channel on to a broker: an outbox's other half. Stands on {@link dev.reactiveevents.EventChannel#listen}
 * and knows no broker; what sends is an {@link dev.reactiveevents.relay.EventTransport}.
 */
@NullMarked
package dev.reactiveevents.relay;

import org.jspecify.annotations.NullMarked;
