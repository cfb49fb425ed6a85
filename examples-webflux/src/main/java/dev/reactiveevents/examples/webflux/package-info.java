/** A small service on Spring WebFlux: orders are placed over HTTP, worked by a listener, and shown in a browser as they ship. */
@NullMarked
package dev.reactiveevents.examples.webflux;

import org.jspecify.annotations.NullMarked;
