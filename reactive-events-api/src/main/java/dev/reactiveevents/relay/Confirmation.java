package dev.reactiveevents.relay;

import dev.reactiveevents.EventMessage;
import org.jspecify.annotations.Nullable;

/**
 * What became of an event that was sent.
 *
 * @param message the event
 * @param failure why the broker does not have it, as far as known; {@code null} if it has confirmed that it does
 */
public record Confirmation(EventMessage message, @Nullable Throwable failure) {

    /**
     * The broker has the event.
     *
     * @param message the event
     * @return its confirmation
     */
    public static Confirmation of(EventMessage message) {
        return new Confirmation(message, null);
    }

    /**
     * The broker does not have the event, or did not say so.
     *
     * @param message the event
     * @param failure why
     * @return the opposite of a confirmation
     */
    public static Confirmation failed(EventMessage message, Throwable failure) {
        return new Confirmation(message, failure);
    }
}
