package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.EventException;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** What a channel is built from; nothing here connects. */
class OptionsTest {

    private static final ConnectionFactory POSTGRES = named("PostgreSQL");
    private static final ConnectionFactory H2 = named("H2");

    private static ConnectionFactory named(String product) {
        return new ConnectionFactory() {
            @Override
            public Publisher<? extends Connection> create() {
                return Mono.error(new AssertionError("nobody asked for a connection"));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return () -> product;
            }
        };
    }

    private static R2dbcEventChannelBuilder postgres() {
        return R2dbcEventChannel.builder(POSTGRES).backend(BackendType.TABLE_QUEUE);
    }

    private static String refusal(Map<String, ?> options) {
        try {
            postgres().options(options).build();
        } catch (EventException refused) {
            return refused.getClass().getSimpleName() + ": " + refused.getMessage();
        }
        throw new AssertionError(options + " was taken");
    }

    // == Which database, which backend ==

    @Test
    void driversAreToldByTheirNames() {
        assertThat(ConnectionFactories.get("r2dbc:postgresql://me@localhost/none")
                        .getMetadata()
                        .getName())
                .isEqualTo("PostgreSQL");
        assertThat(ConnectionFactories.get("r2dbc:h2:mem:///none").getMetadata().getName())
                .isEqualTo("H2");
        assertThat(ConnectionFactories.get("r2dbc:pool:h2:mem:///none")
                        .getMetadata()
                        .getName())
                .isEqualTo("H2");
    }

    @Test
    void anUnknownDatabaseIsRefusedWithTheKnownOnesAndTheRemedy() {
        assertThatThrownBy(() -> R2dbcEventChannel.create(named("Sqlite")))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("\"Sqlite\"", "PostgreSQL, H2", "dialect(…)");
    }

    @Test
    void everyDatabaseHasADefault() {
        assertThat(R2dbcEventChannel.create(POSTGRES)).isNotNull();
        assertThat(R2dbcEventChannel.create(H2)).isNotNull();
    }

    @Test
    void aBroadcastNeedsNoTablesAndTakesNoRetryPolicy() {
        R2dbcEventChannelBuilder builder = R2dbcEventChannel.builder(POSTGRES).backend(BackendType.LISTEN_NOTIFY);
        EventSchema schema = EventSchema.of(builder.build());
        assertThat(schema.script()).isEmpty();
        assertThat(schema.migrate().then(schema.validate()).then(schema.drop()).blockOptional())
                .isEmpty();
        assertThatThrownBy(() -> builder.retryPolicy(RetryPolicy.none()).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("listen_notify", "retry policy", "LISTEN_NOTIFY_DURABLE");
    }

    @Test
    void aBroadcastRefusesTransactionalHandlers() {
        R2dbcEventChannel events = R2dbcEventChannel.builder(POSTGRES)
                .backend(BackendType.LISTEN_NOTIFY)
                .build();
        assertThatThrownBy(() -> events.transactional((message, connection) -> Mono.empty()))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("TABLE_QUEUE", "LISTEN_NOTIFY_DURABLE");
    }

    @Test
    void theDurableBackendWithWakeUpsIsThereOnPostgresAndFallsBackElsewhere() {
        for (ConnectionFactory database : List.of(POSTGRES, H2)) {
            assertThat(R2dbcEventChannel.builder(database)
                            .options(Map.of("events_backend", "listen_notify_durable"))
                            .build())
                    .isNotNull();
        }
    }

    @Test
    void aBackendThatTheDatabaseLacksFallsBackUnlessThatIsRuledOut() {
        R2dbcEventChannelBuilder builder = R2dbcEventChannel.builder(H2).backend(BackendType.LISTEN_NOTIFY);
        assertThat(builder.build()).isNotNull();
        assertThatThrownBy(() -> builder.fallback(false).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("listen_notify", "H2", "BackendType.TABLE_QUEUE");
    }

    @Test
    void aSnapshotNamesTheBackendAlsoBeforeAnythingIsDone() {
        for (BackendType backend :
                List.of(BackendType.TABLE_QUEUE, BackendType.LISTEN_NOTIFY, BackendType.LISTEN_NOTIFY_DURABLE)) {
            assertThat(R2dbcEventChannel.builder(POSTGRES)
                            .backend(backend)
                            .build()
                            .snapshot())
                    .isEqualTo(new ChannelSnapshot(
                            backend,
                            false,
                            Notifications.UNUSED,
                            new ChannelTotals(0, 0, 0, 0, 0, 0, 0, 0, 0),
                            0,
                            0,
                            0));
        }
        assertThat(R2dbcEventChannel.create(POSTGRES).snapshot().backend()).isEqualTo(BackendType.LISTEN_NOTIFY);
        assertThat(R2dbcEventChannel.create(H2).snapshot().fellBack()).isFalse();
    }

    // == Options from a map ==

    @Test
    void allKnownKeysAreTaken() {
        R2dbcEventChannel channel = R2dbcEventChannel.builder(POSTGRES)
                .options(Map.of(
                        "events_backend",
                        "table_queue",
                        "queue_table",
                        "app.events",
                        "lease_seconds",
                        60,
                        "retention_seconds",
                        0,
                        "dead_retention_seconds",
                        3600,
                        "poll_interval",
                        0.25,
                        "fillfactor",
                        70,
                        "autovacuum_vacuum_scale_factor",
                        0.05,
                        "autovacuum_analyze_threshold",
                        500L))
                .build();
        assertThat(EventSchema.of(channel).script())
                .contains("\"app\".\"events\"")
                .contains("fillfactor = 70")
                .contains("autovacuum_vacuum_scale_factor = 0.05")
                .contains("autovacuum_analyze_threshold = 500");
    }

    @Test
    void anUnknownKeyIsRefusedByItsName() {
        assertThat(refusal(Map.of("lease_second", 1)))
                .startsWith("Invalid: ")
                .contains("lease_second ", "lease_seconds", "queue_table", "fillfactor");
        assertThat(refusal(Map.of("autovacuum_speed", 1)))
                .startsWith("Invalid: ")
                .contains("autovacuum_speed", "autovacuum_vacuum_threshold");
    }

    @ParameterizedTest
    @CsvSource({
        "aq_queue, 1q",
        "aq_queue, a_name_that_is_far_too_long",
        "aq_queue, {channel}.q.r",
        "aq_wait_seconds, often",
        "aq_visibility, soon"
    })
    void anOptionOfAQueueThatIsWrongIsRefused(String key, String value) {
        assertThat(refusal(Map.of(key, value))).startsWith("Invalid: ");
    }

    @Test
    void optionsOfAQueueWithoutOneAreRefused() {
        assertThat(refusal(Map.of("aq_wait_seconds", 3)))
                .startsWith("Unsupported: ")
                .contains("ADVANCED_QUEUE");
    }

    @ParameterizedTest
    @CsvSource({
        "lease_seconds, 0",
        "lease_seconds, -1",
        "listener_queue_capacity, 0",
        "listener_queue_capacity, 1.5",
        "retention_seconds, -1",
        "dead_retention_seconds, 0.5",
        "poll_interval, 0",
        "poll_interval, -0.5",
        "fillfactor, 9",
        "fillfactor, 101",
        "fillfactor, 70.5",
        "autovacuum_vacuum_scale_factor, -1",
        "autovacuum_vacuum_threshold, -1"
    })
    void aNumberOutOfRangeIsRefusedWithTheRange(String key, double value) {
        assertThat(refusal(Map.of(key, value)))
                .startsWith("Invalid: ")
                .contains(key, String.valueOf(value))
                .containsPattern("at least [01]|from [-0-9]+");
    }

    @ParameterizedTest
    @CsvSource({
        "lease_seconds",
        "retention_seconds",
        "dead_retention_seconds",
        "poll_interval",
        "fillfactor",
        "autovacuum_vacuum_threshold"
    })
    void anythingButANumberIsRefused(String key) {
        assertThat(refusal(Map.of(key, "sixty"))).startsWith("Invalid: ").contains(key, "\"sixty\"", "number");
        assertThat(refusal(Map.of(key, Double.NaN))).startsWith("Invalid: ").contains(key, "NaN");
        assertThat(refusal(Collections.singletonMap(key, null)))
                .startsWith("Invalid: ")
                .contains(key, "null");
    }

    @Test
    void codeThatBlocksIsAllowedUnlessThatIsRuledOut() {
        assertThat(postgres().build().allowsBlocking()).isTrue();
        assertThat(postgres().blocking(false).build().allowsBlocking()).isFalse();
        assertThat(R2dbcEventChannel.builder(POSTGRES)
                        .options(Map.of("portal_bridge", false))
                        .build()
                        .allowsBlocking())
                .isFalse();
        assertThat(refusal(Map.of("portal_bridge", "no")))
                .startsWith("Invalid: ")
                .contains("portal_bridge", "\"no\"", "true or false");
    }

    @Test
    void namesAndBackendsAreChecked() {
        assertThat(refusal(Map.of("events_backend", "kafka")))
                .startsWith("Invalid: ")
                .contains("events_backend", "\"kafka\"", "table_queue", "listen_notify");
        assertThat(refusal(Map.of("queue_table", 7))).startsWith("Invalid: ").contains("queue_table", "7");
    }

    @Test
    void settingsOfPostgresAreRefusedWhereThereAreNone() {
        assertThatThrownBy(() -> R2dbcEventChannel.builder(H2).fillfactor(70).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("fillfactor", "H2");
    }

    // == Typed options ==

    @Test
    void badValuesAreRefusedWhereTheyAreGiven() {
        assertThatThrownBy(() -> postgres().lease(Duration.ZERO)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> postgres().retention(Duration.ofSeconds(-1)))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> postgres().probeInterval(Duration.ofMillis(99)))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> postgres().prefetch(0)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> postgres().consumerName(" ")).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> postgres().autovacuum("fillfactor", 70)).isInstanceOf(EventException.Invalid.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1table",
                "a b",
                "a\"b",
                "a;DROP TABLE b",
                "a.b.c",
                ".a",
                "a.",
                "täble",
                "a-b",
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw"
            })
    void aTableNameThatCouldBeSomethingElseIsRefused(String name) {
        assertThatThrownBy(() -> postgres().queueTable(name)).isInstanceOf(EventException.Invalid.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"events_claim", "events_suspect", "events_acked", "shop.events_dead", "events_maintenance"})
    void aTableThatWouldTakeTheNameOfSomethingBesideAnotherIsRefused(String name) {
        assertThatThrownBy(() -> postgres().queueTable(name))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("events_", "does not end in _claim");
    }
}
