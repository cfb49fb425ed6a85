package dev.reactiveevents.spi;

import dev.reactiveevents.EventException;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A store of events, as the engine drives it: it writes, claims and settles in batches and never decides when. Time is the
 * store's own clock. All methods are cold, may be called from any thread and concurrently, and must not block.
 *
 * <p>Failures are {@link EventException}s, by which the engine decides what to do:
 *
 * <ul>
 *   <li>{@code Invalid}: the store refuses the data; nothing was changed. A batch is then split until the guilty event
 *       fails alone.
 *   <li>{@code Misconfigured}: trying again will not help.
 *   <li>{@code Unavailable}: nothing was changed; settles and claims are tried again.
 *   <li>{@code OutcomeUnknown}: it may have been done; settles are tried again, so each must tolerate its own repetition.
 * </ul>
 *
 * Conflicts that the store resolves by itself when asked again (deadlocks, serialisation failures) are retried by the
 * backend and not reported.
 */
public interface EventBackend extends EventOutlet {

    /**
     * Stores events in input order, all or none. An event whose id is stored on the same channel already is skipped; one
     * whose id is stored on another channel is refused as {@code Invalid}, naming that channel. A batch may hold an id
     * twice, and the same is true of the two.
     *
     * @param events the events, at least one
     * @return completes once they are durable
     */
    @Override
    Mono<Void> publish(List<NewEvent> events);

    /**
     * Leases due events: those that no one holds and whose time has come, in the order of that time, ties in publish
     * order. Each gets the claim's token and counts an attempt. Never waits for a row that another claim or settle holds.
     *
     * <p>Of each key at most one event is leased at any time, whoever asks, and one claim takes at most one. It is the one
     * whose lease lapsed, if there is one; otherwise the first in publish order of those that are stored and neither
     * acknowledged nor dead, once it is due. Keys have no order among each other, and none shall wait for ever for others.
     *
     * <p>An event found with a lapsed lease counts a lapse. If its attempts are used up as well it becomes a dead letter
     * instead of being claimed.
     *
     * <p>What is answered after the publish timeout is given back by settlements. A claim is cancelled only where very many
     * are late.
     *
     * @param claim what to claim
     * @return one answer for each request, in their order
     */
    Mono<List<Claimed>> claim(Claim claim);

    /**
     * Leases due events, and tells as soon as they are leased. The engine then claims on, while the answer is on its way.
     *
     * @param claim what to claim
     * @param taken to be run, at most once, when no claim that is made from then on takes these events; need not be run
     * @return one answer for each request, in their order
     */
    default Mono<List<Claimed>> claim(Claim claim, Runnable taken) {
        return claim(claim);
    }

    /**
     * Applies settlements, each while its row is leased under its token. An extension does not wait for a row that somebody
     * works on: it answers {@link SettleResult#LOCKED}.
     *
     * @param settlements at least one; no event and token occurs twice
     * @return what became of each, in their order
     */
    Mono<List<SettleResult>> settle(List<Settlement> settlements);

    /**
     * Whether acknowledgements of this channel should take the next events of their keys along, by {@link #settle(List,
     * Claim)}. Who does so serves the keys that it has before all others: so this is to be true only while claims find little
     * else, and a claim is to look at everything again soon. Asked before a batch is sent; answers from memory.
     *
     * @param channel the channel's name
     * @return false, unless overridden
     */
    default boolean takesNext(String channel) {
        return false;
    }

    /**
     * Applies settlements, as {@link #settle(List)} does, and leases the first event of each key of which an acknowledgement is
     * among them, as a claim would: both or neither. Where the acknowledgement is not applied, because its lease was lost, that
     * may be the same event again. What is not due or is a suspect is left to claims. Called only where {@link #takesNext} is true. If it is not known whether it was done, the settlements are tried
     * again alone, and what may have been claimed is left to lapse.
     *
     * @param settlements at least one; no event and token occurs twice
     * @param next the claim: not for suspects, and of one channel, for as many events as there are acknowledgements of events
     *     of this channel with a key
     * @return what became of each, and what was claimed
     */
    default Mono<Settled> settle(List<Settlement> settlements, Claim next) {
        return settle(settlements).map(results -> new Settled(results, null));
    }

    /**
     * What can be done with stored events beside their way. Called only if {@link Capability#UPKEEP} or
     * {@link Capability#DEAD_LETTERS} is claimed, and then for that alone.
     *
     * @return it
     */
    default StoreUpkeep upkeep() {
        throw new UnsupportedOperationException(name() + " claims an upkeep that it does not have.");
    }

    /**
     * What other processes tell of this store. Subscribed to while the channel has subscriptions, once for all of them. The
     * first wake-up says that from now on all is told; it comes as well, and in time, if nothing can be heard at the moment.
     * Never fails. Ends at once, as by default, if nothing will ever be told: then events of others are found at intervals.
     *
     * @return wake-ups
     */
    default Flux<WakeUp> wakeUps() {
        return Flux.empty();
    }
}
