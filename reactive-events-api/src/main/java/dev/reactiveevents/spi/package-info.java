/**
 * What a store of events offers to the engine. For authors of backends; may change before version 1.0.
 */
@NullMarked
package dev.reactiveevents.spi;

import org.jspecify.annotations.NullMarked;
