/** Programs to run and to copy from. */
@NullMarked
package dev.reactiveevents.examples;

import org.jspecify.annotations.NullMarked;
