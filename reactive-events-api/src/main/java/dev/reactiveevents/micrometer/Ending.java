package dev.reactiveevents.micrometer;

import dev.reactiveevents.spi.EventObserver.End;

/** A context that is told how it ended. */
interface Ending {

    void ended(End how);
}
