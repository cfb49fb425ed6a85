package dev.reactiveevents.spi;

import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What became of settlements that were to take the next events of their keys along.
 *
 * @param results what became of each settlement, in their order
 * @param next what was claimed along; null if nothing was looked for
 */
public record Settled(List<SettleResult> results, @Nullable Claimed next) {

    /**
     * Whether a claim is to look for what a settlement frees once it is applied. A key of which nothing was taken along is to be
     * looked at again: its next event may have been committed after the look, while others still saw the key held.
     *
     * @return true of those that free something of which nothing was taken along
     */
    public Predicate<Settlement> leaves() {
        if (next == null) {
            return Settlement::frees;
        }
        Set<String> taken = next.events().stream().map(ClaimedEvent::key).collect(Collectors.toSet());
        return settlement ->
                settlement.frees() && !(settlement.freesNextOf(next.channel()) && taken.contains(settlement.key()));
    }

    /**
     * What a claim, or another process, is to be told of.
     *
     * @param settlements those that were settled
     * @return those that were applied and leave something to look for
     */
    public List<Settlement> toBeLookedFor(List<Settlement> settlements) {
        return IntStream.range(0, settlements.size())
                .filter(i -> results.get(i) == SettleResult.APPLIED)
                .mapToObj(settlements::get)
                .filter(leaves())
                .toList();
    }
}
