/**
 * The channel for code that cannot be reactive: the same events, by plain calls. Start at
 * {@link dev.reactiveevents.blocking.BlockingEventChannel}.
 *
 * <p>Common to all calls:
 *
 * <ul>
 *   <li>They wait for the timeout of {@link dev.reactiveevents.blocking.BlockingOptions} at most, 30 seconds by default. Then
 *       what writes fails with {@link dev.reactiveevents.EventException.OutcomeUnknown}, what reads with
 *       {@link dev.reactiveevents.EventException.Unavailable}. Who waits for events says how long: {@code receive} for the
 *       database besides, an iteration without end unless there is an idle timeout. The end of listeners may take five seconds
 *       more, for the outcomes of handlers that were interrupted.
 *   <li>When the calling thread is interrupted they fail with {@link dev.reactiveevents.EventException.Interrupted} and set its
 *       flag again. On a thread that was interrupted before, nothing is sent; an event that {@code hasNext} has found is
 *       answered by {@code next} and {@code poll} all the same.
 *   <li>Failures are of the kinds that the channel has, with the stack trace of the call and the original as cause.
 *   <li>On threads that must not block, as Reactor's parallel ones and event loops, they are refused with
 *       {@link dev.reactiveevents.EventException.Invalid}, which names the reactive call.
 *   <li>After the bridge was closed they fail with {@link dev.reactiveevents.EventException.Closed}.
 * </ul>
 */
@NullMarked
package dev.reactiveevents.blocking;

import org.jspecify.annotations.NullMarked;
