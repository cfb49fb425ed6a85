package dev.reactiveevents.spi;

import java.util.List;
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
     * Whether a claim is to look for what the settlement frees, because nothing has looked for it yet.
     *
     * @param settlement one of those that were settled
     * @return false also if it frees nothing
     */
    public boolean leaves(Settlement settlement) {
        return settlement.frees()
                && (next == null
                        || !settlement.freesNextOfKey()
                        || !settlement.channel().equals(next.channel()));
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
                .filter(this::leaves)
                .toList();
    }
}
