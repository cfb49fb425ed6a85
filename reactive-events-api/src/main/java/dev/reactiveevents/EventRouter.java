package dev.reactiveevents;

import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Hands each event to the handlers for its {@link EventMessage#type() type}. A type is looked at in segments between dots; a
 * pattern names them one by one:
 *
 * <ul>
 *   <li>{@code order.placed} matches exactly that,
 *   <li>{@code order.*.cancelled} any one segment where the star is,
 *   <li>{@code order.**} whatever begins with {@code order}, itself included: any rest, also none. Only at the end.
 * </ul>
 *
 * <p>The most specific pattern that matches wins, wherever and whenever it was registered. Patterns are compared segment by
 * segment from the left: a name before {@code *}, {@code *} before {@code **}. So {@code order.placed} wins over
 * {@code order.*}, that over {@code order.**}, that over {@code *.placed}, and that over {@code **}. All handlers of the
 * winning pattern run, one after the other in the order in which they were registered, also if one fails; then the event has
 * failed, by the first of their failures, and they all run again when it comes again. If one of them is transactional, they
 * share its transaction, in which the first failure undoes what was done and those behind it do not run.
 *
 * <p>An event that no pattern matches goes to {@link #otherwise}; without that it becomes a dead letter. An event without a
 * type is matched by {@code **} alone. The handlers are found segment by segment, not route by route: a
 * hundred thousand routes take little more time than ten, as measured.
 *
 * <p>Routes are registered first and by one thread; a router that is in use, or included in another, takes no more. Then it is
 * safe for use by many threads.
 */
public final class EventRouter implements EventHandler {

    private final Routes routes = new Routes();
    private volatile boolean complete;

    /** A router without routes. */
    public EventRouter() {}

    /**
     * Registers a handler.
     *
     * @param pattern of the types of its events
     * @param handler what is to be done with them
     * @return this router
     * @throws EventException.Invalid if the pattern is not valid, or if the router is in use already
     */
    public EventRouter on(String pattern, EventHandler handler) {
        requireIncomplete();
        requirePresent("handler for \"" + pattern + "\"", handler);
        routes.add(Routes.segments(pattern), handler);
        return this;
    }

    /**
     * Registers a handler that gets the payload as an object. An event whose payload cannot be read as one fails alone, and
     * becomes a dead letter at once: to try again would not help.
     *
     * @param pattern of the types of its events
     * @param type the payload's class
     * @param handler what is to be done with them, from the payload and the message
     * @param <T> the payload's type
     * @return this router
     * @throws EventException.Invalid if the pattern is not valid, or if the router is in use already
     */
    public <T> EventRouter on(
            String pattern, Class<T> type, BiFunction<? super T, ? super EventMessage, Mono<Void>> handler) {
        requirePresent("payload class for \"" + pattern + "\"", type);
        requirePresent("handler for \"" + pattern + "\"", handler);
        return on(pattern, message -> handler.apply(message.payloadAs(type), message));
    }

    /**
     * Registers the routes of another router behind a prefix: its {@code paid} becomes {@code billing.paid} here. Its
     * {@code otherwise} gets what begins with the prefix and is matched by none of its patterns, before less specific patterns
     * of this router do.
     *
     * @param prefix one or more segments, without stars
     * @param router whose routes to take; it takes no more after that
     * @return this router
     * @throws EventException.Invalid if the prefix is not valid, if the router is this one, or if this one is in use already
     */
    public EventRouter include(String prefix, EventRouter router) {
        requireIncomplete();
        requirePresent("router for \"" + prefix + "\"", router);
        if (router == this) {
            throw new EventException.Invalid("A router was to be included in itself, behind \"" + prefix + "\".");
        }
        String[] segments = Routes.segments(prefix);
        Routes.requireNames(prefix, segments);
        router.complete = true;
        routes.include(segments, router.routes);
        return this;
    }

    /**
     * Registers a handler for events that no pattern matches.
     *
     * @param handler what is to be done with them
     * @return this router
     * @throws EventException.Invalid if the router is in use already
     */
    public EventRouter otherwise(EventHandler handler) {
        requireIncomplete();
        requirePresent("handler for what no pattern matches", handler);
        routes.addOtherwise(handler);
        return this;
    }

    @Override
    public Mono<Void> handle(EventMessage message) {
        if (!complete) {
            complete = true;
        }
        EventHandler handler = routes.find(message.type());
        return handler == null ? reject(message) : handler.handle(message);
    }

    private static Mono<Void> reject(EventMessage message) {
        String reason = "No route matches the type "
                + (message.type() == null ? "of an event that has none" : '"' + message.type() + '"')
                + "; register one, or a handler for the rest by EventRouter.otherwise.";
        return message.reject(reason)
                .onErrorMap(EventException.Unsupported.class, kept -> new EventException.Unsupported(reason))
                .then();
    }

    private void requireIncomplete() {
        if (complete) {
            throw new EventException.Invalid("A route was to be registered with a router that is in use, or included in"
                    + " another, already; register all of them first.");
        }
    }

    private static void requirePresent(String what, @Nullable Object value) {
        if (value == null) {
            throw new EventException.Invalid("The " + what + " was null; give one.");
        }
    }
}
