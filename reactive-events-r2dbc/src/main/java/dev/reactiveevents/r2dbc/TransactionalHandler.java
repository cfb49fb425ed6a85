package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import org.reactivestreams.Publisher;

/** Works on an event in the transaction that settles it. */
@FunctionalInterface
public interface TransactionalHandler {

    /**
     * Works on an event. What is written over the connection and the acknowledgement of the event commit together, or
     * neither does.
     *
     * @param message the event. What is said of it here is the outcome in place of an acknowledgement
     * @param connection the transaction's connection, for as long as the publisher runs. It refuses to begin, commit, roll
     *     back or close; savepoints work. {@code unwrap} of {@link io.r2dbc.spi.Wrapped} gives the driver's own, which
     *     refuses nothing
     * @return the work: its completion commits, its error rolls back. Its elements are ignored
     */
    Publisher<?> handle(EventMessage message, Connection connection);
}
