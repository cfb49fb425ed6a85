package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import java.util.UUID;

/**
 * How a transaction that works on an event knows at its end that it is still the one which was begun: it has changed the
 * event's token, which nobody else sees and its end takes back. Some databases roll all of a transaction back in a deadlock
 * and then go on as if nothing had happened, and a statement of the work may have ended it: what is settled after that under
 * this token is not found.
 */
final class Mark {

    private Mark() {}

    /** {@return the token within the transaction} */
    static UUID of(UUID leaseToken) {
        return new UUID(~leaseToken.getMostSignificantBits(), leaseToken.getLeastSignificantBits());
    }

    /** {@return the same settlement, under the token within the transaction} */
    static Settlement of(Settlement settlement) {
        return new Settlement(
                settlement.outcome(),
                settlement.channel(),
                settlement.eventId(),
                settlement.key(),
                of(settlement.leaseToken()),
                settlement.after(),
                settlement.reason());
    }
}
