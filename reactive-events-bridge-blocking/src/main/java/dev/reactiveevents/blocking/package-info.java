/** The channel for code that cannot be reactive: the same events, by plain calls. */
@NullMarked
package dev.reactiveevents.blocking;

import org.jspecify.annotations.NullMarked;
