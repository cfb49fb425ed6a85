/**
 * Spring Boot: the channel of an application, its listeners, its transactions, its health. The door is {@code application.yaml}
 * and {@link dev.reactiveevents.spring.ChannelListener}.
 */
@NullMarked
package dev.reactiveevents.spring;

import org.jspecify.annotations.NullMarked;
