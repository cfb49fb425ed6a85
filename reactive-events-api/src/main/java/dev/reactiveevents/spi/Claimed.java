package dev.reactiveevents.spi;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a claim took from one channel.
 *
 * @param channel the channel's name
 * @param events the events taken, in order
 * @param exhausted ids of events that became dead letters in this claim because their lease lapsed with their attempts used up
 * @param nextDue if fewer were taken than asked for: how long until the next event of the channel becomes due, by the
 *     store's clock, or, from a claim that did not look everywhere, until the next claim should; {@code null} if none waits.
 *     What this claim leased need not be counted
 * @param passedOver whether fewer were taken than asked for although more were due: others hold them, or their keys, or this
 *     claim did not look at all keys; false if {@code nextDue} tells when to look at them
 * @param suspects whether suspects are due and were not asked for
 */
public record Claimed(
        String channel,
        List<ClaimedEvent> events,
        List<UUID> exhausted,
        @Nullable Duration nextDue,
        boolean passedOver,
        boolean suspects) {}
