package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class EventSchemaTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String LONGEST = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv";

    @Nested
    class OnPostgres extends OnEveryDatabase {
        private final String url = PostgresServer.freshDatabase();

        @Override
        ConnectionFactory database() {
            return ConnectionFactories.get(url);
        }

        @Test
        void whoMayNotCreateTablesIsToldWhatToGrant() {
            String name = "stranger_" + UUID.randomUUID().toString().replace("-", "");
            PostgresServer.execute(
                    database(),
                    "CREATE USER " + name + " PASSWORD 'secret'",
                    "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
            ConnectionFactory theirs =
                    ConnectionFactories.get(url.replaceFirst("://[^@]*@", "://" + name + ":secret@"));
            EventSchema schema = EventSchema.of(channel(theirs, "queue"));
            assertMisconfigured(schema.migrate(), "GRANT SELECT, INSERT, UPDATE, DELETE ON \"queue\"");

            EventSchema.of(channel("queue")).migrate().block(LIMIT);
            assertMisconfigured(schema.validate(), "GRANT");
            assertMisconfigured(channel(theirs, "queue").publish("orders", 42), "GRANT");

            PostgresServer.execute(
                    database(), "GRANT SELECT, INSERT, UPDATE, DELETE ON queue, queue_maintenance TO " + name);
            schema.migrate().block(LIMIT);
            assertWorks(channel(theirs, "queue"));
        }

        @Test
        void theScriptSetsWhatWasAskedFor() {
            R2dbcEventChannel channel = R2dbcEventChannel.builder(database())
                    .backend(BackendType.TABLE_QUEUE)
                    .fillfactor(77)
                    .autovacuum("autovacuum_vacuum_cost_delay", 0.5)
                    .build();
            assertThat(EventSchema.of(channel).script())
                    .contains("fillfactor = 77", "autovacuum_vacuum_cost_delay = 0.5");
            EventSchema.of(channel).migrate().block(LIMIT);
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        private final ConnectionFactory database =
                ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");

        @Override
        ConnectionFactory database() {
            return database;
        }

        @Test
        void aDatabaseThatDiesWithItsLastConnectionIsRefused() {
            ConnectionFactory mortal = ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID());
            assertMisconfigured(EventSchema.of(R2dbcEventChannel.create(mortal)).migrate(), "DB_CLOSE_DELAY=-1");
            assertMisconfigured(R2dbcEventChannel.create(mortal).publish("orders", 42), "DB_CLOSE_DELAY=-1");
        }
    }

    @Nested
    class OnMariaDb extends OnEveryDatabase {
        private final String url = MariaDbServer.freshDatabase();

        @Override
        ConnectionFactory database() {
            return ConnectionFactories.get(url);
        }

        /** The schema, two tables with their indexes, and what is in one of them. */
        @Override
        int fewestStatements() {
            return 4;
        }
    }

    @Nested
    class OnMySql extends OnEveryDatabase {
        private final String url = MySqlServer.freshDatabase();

        @Override
        ConnectionFactory database() {
            return ConnectionFactories.get(url);
        }

        /** The schema, two tables with their indexes, and what is in one of them. */
        @Override
        int fewestStatements() {
            return 4;
        }
    }

    abstract static class OnEveryDatabase {

        abstract ConnectionFactory database();

        int fewestStatements() {
            return 6;
        }

        R2dbcEventChannel channel(String table) {
            return channel(database(), table);
        }

        static R2dbcEventChannel channel(ConnectionFactory database, String table) {
            return R2dbcEventChannel.builder(database)
                    .backend(BackendType.TABLE_QUEUE)
                    .queueTable(table)
                    .build();
        }

        static void assertWorks(R2dbcEventChannel channel) {
            String id = channel.publish("orders", Map.of("number", 42)).block(LIMIT);
            Boolean acked = channel.receive("orders", LIMIT)
                    .flatMap(message -> {
                        assertThat(message.eventId()).isEqualTo(id);
                        return message.ack();
                    })
                    .block(LIMIT);
            assertThat(acked).isTrue();
            channel.shutdown().block(LIMIT);
        }

        static void assertMisconfigured(Mono<?> action, String remedy) {
            assertThatThrownBy(() -> action.block(LIMIT))
                    .isInstanceOf(EventException.Misconfigured.class)
                    .hasMessageContaining(remedy);
        }

        @Test
        void tenMigrationsAtOnceMakeOneSchema() {
            Flux.range(0, 10)
                    .flatMap(i -> EventSchema.of(channel("shop.queue")).migrate(), 10)
                    .blockLast(LIMIT);
            EventSchema.of(channel("shop.queue")).validate().block(LIMIT);
            assertWorks(channel("shop.queue"));
        }

        @Test
        void migrationsOfSeveralQueuesAtOnceDoNotDisturbEachOther() {
            Flux.range(0, 5)
                    .flatMap(i -> EventSchema.of(channel("mall.queue" + i)).migrate(), 5)
                    .blockLast(LIMIT);
            assertWorks(channel("mall.queue4"));
        }

        @Test
        void aMigrationCanBeRepeatedAndKeepsTheEvents() {
            EventSchema schema = EventSchema.of(channel("kept"));
            schema.migrate().block(LIMIT);
            channel("kept").publish("invoices", 1).block(LIMIT);
            schema.migrate().block(LIMIT);
            assertThat(channel("kept").receive("invoices", LIMIT).block(LIMIT)).isNotNull();
        }

        @ParameterizedTest
        @ValueSource(strings = {"select", "Order", "user.table", "_", "order.SELECT", LONGEST, LONGEST + "." + LONGEST})
        void namesMayBeKeywordsMixedInCaseAndLong(String name) {
            EventSchema schema = EventSchema.of(channel(name));
            schema.migrate().block(LIMIT);
            schema.validate().block(LIMIT);
            assertWorks(channel(name));
            schema.drop().block(LIMIT);
            assertMisconfigured(schema.validate(), "migrate()");
        }

        @Test
        void namesThatDifferOnlyInCaseOrAtTheirEndAreDifferentTables() {
            for (String name : new String[] {"queue", "Queue", "queue_", "queue_a"}) {
                EventSchema.of(channel(name)).migrate().block(LIMIT);
            }
            channel("queue").publish("orders", 1).block(LIMIT);
            assertThat(channel("Queue").receive("orders", Duration.ZERO).block(LIMIT))
                    .isNull();
        }

        @Test
        void whereThereIsNoTableEverythingSaysHowToMakeIt() {
            R2dbcEventChannel channel = channel("missing");
            assertMisconfigured(EventSchema.of(channel).validate(), "run EventSchema.of(channel).migrate()");
            assertMisconfigured(channel.publish("orders", 42), "run EventSchema.of(channel).migrate()");
            assertMisconfigured(channel.receive("orders", LIMIT), "run EventSchema.of(channel).migrate()");
            assertMisconfigured(
                    channel("nowhere.missing").publish("orders", 42), "run EventSchema.of(channel).migrate()");
        }

        @ParameterizedTest
        @ValueSource(strings = {"never_made", "no_schema.never_made"})
        void droppingWhatIsNotThereIsFine(String name) {
            EventSchema schema = EventSchema.of(channel(name));
            schema.drop().block(LIMIT);
            schema.migrate().block(LIMIT);
            schema.drop().block(LIMIT);
            schema.drop().block(LIMIT);
        }

        @Test
        void theScriptMakesTheSameSchemaByOtherMeans() {
            EventSchema schema = EventSchema.of(channel("scripted.queue"));
            String[] statements = schema.script().split(";\\s*(\\R|$)");
            assertThat(statements).hasSizeGreaterThanOrEqualTo(fewestStatements());
            PostgresServer.execute(database(), statements);
            schema.validate().block(LIMIT);
            assertWorks(channel("scripted.queue"));
        }
    }
}
