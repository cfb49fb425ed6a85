package dev.reactiveevents.spring;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.ListenOptions;

/**
 * A bean that says what is to be done with a channel's events, where an annotated method is not enough: an
 * {@link dev.reactiveevents.EventRouter}, a transactional handler, options of any kind. It is started and stopped as
 * {@link ChannelListener} says.
 *
 * @param channel the channel's name
 * @param handler what is to be done with each event
 * @param options how to listen
 */
public record DeclaredListener(String channel, EventHandler handler, ListenOptions options) {

    /** Checks what it is given. */
    public DeclaredListener {
        EventChannel.requireValidName(channel);
        if (handler == null || options == null) {
            throw new EventException.Invalid("A listener of channel \"" + channel + "\" was declared with " + handler
                    + " and " + options + "; give a handler and options.");
        }
    }

    /**
     * A listener with the default options.
     *
     * @param channel the channel's name
     * @param handler what is to be done with each event
     */
    public DeclaredListener(String channel, EventHandler handler) {
        this(channel, handler, ListenOptions.defaults());
    }
}
