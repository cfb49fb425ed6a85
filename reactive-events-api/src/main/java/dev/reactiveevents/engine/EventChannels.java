package dev.reactiveevents.engine;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.spi.EventBackend;

/** The door of the engine, for authors of backends. */
public final class EventChannels {

    private EventChannels() {}

    /**
     * A channel over a backend. Does not call the backend before it is used; owns it from then on, and shuts it down.
     *
     * @param backend where events live
     * @param options how the channel works
     * @return the channel
     */
    public static EventChannel over(EventBackend backend, ChannelOptions options) {
        return new BackendChannel(backend, options);
    }
}
