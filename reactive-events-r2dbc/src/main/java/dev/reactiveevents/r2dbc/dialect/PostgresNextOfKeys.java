package dev.reactiveevents.r2dbc.dialect;

import static dev.reactiveevents.r2dbc.dialect.PostgresStatements.column;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Readable;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** The next events of keys, claimed in the transaction that settles the ones before. */
final class PostgresNextOfKeys {

    private final PostgresPrepared statement;
    private final Keys keys;
    private final Successors successors;

    PostgresNextOfKeys(QueueTable table, Keys keys, Successors successors) {
        this.statement = new PostgresPrepared(
                "claim_next", PostgresStatements.filled(table, PostgresKeyedClaimSql.NEXT_OF_KEYS));
        this.keys = keys;
        this.successors = successors;
    }

    /** A claim that the message of these acknowledgements is to contain. */
    Along along(Claim claim, String consumer, List<Settlement> acknowledged) {
        Claim.Request request = claim.requests().get(0);
        String channel = request.channel();
        List<String> freed = acknowledged.stream()
                .filter(settlement -> settlement.freesNextOf(channel))
                .map(settlement -> Objects.requireNonNull(settlement.key()))
                .distinct()
                .toList();
        String executed = statement.execute(List.of(
                channel,
                freed.toArray(String[]::new),
                column(freed, key -> successors.bound(channel, key), Long[]::new),
                request.suspectAfter(),
                claim.leaseToken(),
                consumer,
                Sql.micros(claim.lease()),
                claim.deadLetterKeys() == DeadLetterKeys.PARK));
        return new Along(channel, executed);
    }

    /** One such claim, while its rows arrive. */
    final class Along {

        private final String channel;
        private final String executed;
        private final List<ClaimedEvent> events = new ArrayList<>();
        private Instant leaseExpiresAt = Instant.MAX;

        private Along(String channel, String executed) {
            this.channel = channel;
            this.executed = executed;
        }

        PostgresPrepared statement() {
            return statement;
        }

        /** To be run where it need not wait for long for what others have locked. */
        String executed() {
            return "SET LOCAL lock_timeout = 10; " + executed;
        }

        /** First comes until when the events are leased, then they do. */
        void read(Readable row) {
            UUID eventId = row.get(1, UUID.class);
            if (eventId == null) {
                leaseExpiresAt = Sql.instant(row, "lease_expires_at");
            } else {
                ClaimedEvent event = PostgresClaim.event(eventId, channel, leaseExpiresAt, row);
                events.add(event);
                successors.taken(channel, Objects.requireNonNull(event.key()), PostgresClaim.seq(row));
            }
        }

        Claimed claimed() {
            keys.tookNext(channel, events.size());
            return new Claimed(channel, List.copyOf(events), List.of(), null, false, false);
        }
    }
}
