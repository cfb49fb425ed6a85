package dev.reactiveevents.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A method of a bean that handles a channel's events, see
 * {@link dev.reactiveevents.EventChannel#listen(String, dev.reactiveevents.EventHandler, dev.reactiveevents.ListenOptions)}. It
 * has nothing to do with Spring's own {@code @EventListener}, whose events live and die within the process.
 *
 * <p>Its parameters are the {@link dev.reactiveevents.EventMessage}, the payload, which is converted to the parameter's type, or
 * both. An event whose payload cannot be read as that type becomes a dead letter at once.
 *
 * <ul>
 *   <li>If it returns a {@code Mono}, a {@code Flux} or a {@code CompletionStage}, the event is acknowledged when that
 *       completes. The method itself must not block.
 *   <li>Otherwise it may block: it runs on Reactor's threads for that, and the event is acknowledged when it returns.
 * </ul>
 *
 * If it fails, the event comes again as the retry policy says. An event may come more than once, so that handling it twice must
 * do no harm.
 *
 * <p>Listeners start after the web server and stop before it. A channel has one listener in an application, because two would
 * compete for its events: to handle events by their type, declare a {@link DeclaredListener} with an
 * {@link dev.reactiveevents.EventRouter}. On a broadcast, where each gets every event, it may have several.
 *
 * <p>All values may have placeholders such as {@code ${orders.concurrency}}; those that are empty are as the channel is built.
 */
@Documented
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface ChannelListener {

    /** {@return the channel's name} */
    String value();

    /** {@return how many events are handled at the same time; one if it is empty} */
    String concurrency() default "";

    /** {@return after how many failed deliveries an event becomes a dead letter} */
    String maxAttempts() default "";

    /** {@return the delay after the first failure, such as {@code 500ms}; it doubles after each further one, with jitter} */
    String retryFirst() default "";

    /** {@return the longest delay, such as {@code 5m}} */
    String retryLongest() default "";

    /** {@return the failures after which an event is not tried again: it becomes a dead letter at once} */
    Class<? extends Throwable>[] notRetryOn() default {};

    /** {@return how long the method may take, such as {@code 10m}} */
    String maxProcessingTime() default "";

    /** {@return whether events of one key are handled one after the other within this listener} */
    boolean keyed() default false;

    /**
     * Names options for all that is not said here.
     *
     * @return the name of a bean of type {@link dev.reactiveevents.ListenOptions}, which the other values here change; none if
     *     it is empty
     */
    String options() default "";
}
