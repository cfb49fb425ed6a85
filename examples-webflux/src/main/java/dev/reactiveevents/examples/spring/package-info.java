/** The code of docs/spring-boot.md. */
@NullMarked
package dev.reactiveevents.examples.spring;

import org.jspecify.annotations.NullMarked;
