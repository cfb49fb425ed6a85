/** Meters and traces of a channel by Micrometer, which must be on the class path for this package and for nothing else. */
@NullMarked
package dev.reactiveevents.micrometer;

import org.jspecify.annotations.NullMarked;
