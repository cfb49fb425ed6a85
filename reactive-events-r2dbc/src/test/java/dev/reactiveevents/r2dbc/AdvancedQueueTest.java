package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueue;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** What Advanced Queuing has of its own, on a model of it: see {@link AdvancedQueueModel} for what this shows. */
class AdvancedQueueTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final DeadLetterQuery ALL = DeadLetterQuery.oldest(100);
    private static final OracleDialect ORACLE = new OracleDialect();
    private static final AdvancedQueueStatements QUEUES = ORACLE.advancedQueue(QueueTable.of("reactive_event_queue"));
    private static final AdvancedQueue QUEUE = AdvancedQueue.of("reactive_events_queue");

    private final AdvancedQueueModel model = new AdvancedQueueModel();
    private R2dbcEventChannel channel = builder().build();

    @BeforeAll
    static void readTheTexts() {
        OracleOnH2Statement.readAhead(QueueTable.of("reactive_event_queue"));
    }

    private R2dbcEventChannelBuilder builder() {
        return R2dbcEventChannel.builder(model)
                .backend(BackendType.ADVANCED_QUEUE)
                .pollInterval(Duration.ofMillis(100))
                .shutdownTimeout(Duration.ofMillis(200));
    }

    @BeforeEach
    void migrate() {
        EventSchema.of(channel).migrate().block(LIMIT);
    }

    @AfterEach
    void shutDown() {
        channel.shutdown().block(LIMIT);
    }

    private R2dbcEventChannel rebuilt(R2dbcEventChannelBuilder builder) {
        channel.shutdown().block(LIMIT);
        channel = builder.build();
        return channel;
    }

    private EventMessage receive(String from) {
        return Objects.requireNonNull(channel.receive(from, LIMIT).block(LIMIT));
    }

    private static void assertTrue(Mono<Boolean> answer) {
        assertThat(answer.block(LIMIT)).isTrue();
    }

    // == Settling ==

    @Test
    void whatIsNackedIsRolledBackAndComesAgainAfterTheDelayOfTheQueue() {
        channel.publish("orders", 42).block(LIMIT);
        EventMessage first = receive("orders");
        assertThat(first.attempts()).isEqualTo(1);
        long nacked = System.nanoTime();
        assertTrue(first.nack());
        EventMessage again = receive("orders");
        assertThat(Duration.ofNanos(System.nanoTime() - nacked)).isGreaterThan(Duration.ofMillis(990));
        assertThat(again.eventId()).isEqualTo(first.eventId());
        assertThat(again.attempts()).isEqualTo(2);
        assertTrue(again.ack());
        assertThat(model.queue("REACTIVE_EVENTS_QUEUE").size()).isZero();
    }

    @Test
    void whatIsNeitherSettledNorRenewedComesAgainWhenItsLeaseHasLapsed() {
        rebuilt(builder().lease(Duration.ofSeconds(2))).publish("orders", 42).block(LIMIT);
        EventMessage lapsed = receive("orders");
        EventMessage again = receive("orders");
        assertThat(again.attempts()).isEqualTo(2);
        assertThat(lapsed.ack().block(LIMIT)).isFalse();
        assertTrue(again.ack());
    }

    @Test
    void aSessionThatIsKilledGivesItsEventBackWithoutCounting() {
        channel.publish("orders", 42).block(LIMIT);
        EventMessage lost = receive("orders");
        model.kill();
        EventMessage again = receive("orders");
        assertThat(again.attempts()).isEqualTo(1);
        assertTrue(again.ack());
        assertThat(lost.ack().block(LIMIT)).isFalse();
    }

    @Test
    void whetherAnEventIsAcknowledgedIsUnknownIfTheConnectionBreaksInTheCommit() {
        rebuilt(builder().lease(Duration.ofSeconds(3)));
        channel.publish("orders", 42).block(LIMIT);
        EventMessage message = receive("orders");
        model.cutsOffCommits = true;
        assertThatThrownBy(() -> message.ack().block(LIMIT))
                .isInstanceOf(EventException.OutcomeUnknown.class)
                .hasMessageContaining("connection was lost")
                .hasMessageNotContaining("safe");
    }

    /** On its way to a receiver that has gone it was in nobody's hands. */
    @Test
    void whatACancelledReceiveHadTakenIsNotCountedAndThereAtOnce() {
        rebuilt(builder().maxAttempts(1));
        R2dbcEventChannel other = builder().maxAttempts(1).build();
        try {
            for (int i = 0; i < 50; i++) {
                other.receive("orders", LIMIT).subscribe().dispose();
                channel.publish("orders", i).block(LIMIT);
                EventMessage message = receive("orders");
                assertThat(message.payloadAs(Integer.class)).isEqualTo(i);
                assertThat(message.attempts()).isEqualTo(1);
                assertTrue(message.ack());
            }
        } finally {
            other.shutdown().block(LIMIT);
        }
    }

    private static Incoming taken(QueueSession session) {
        return Objects.requireNonNull(session.run(connection -> QUEUES.dequeue(connection, QUEUE, null, Duration.ZERO))
                .block(LIMIT));
    }

    // == Dead letters ==

    @Test
    void whatIsRejectedIsADeadLetterThatCanBeRequeued() {
        String id = channel.publish(Event.of("orders", 42).withType("placed").withMetadata("source", "shop"))
                .block(LIMIT);
        assertTrue(receive("orders").reject("no such customer"));
        DeadLetter dead = channel.deadLetters("orders").browse(ALL).single().block(LIMIT);
        assertThat(dead.eventId()).isEqualTo(id);
        assertThat(dead.reason()).isEqualTo("no such customer");
        assertThat(dead.type()).isEqualTo("placed");
        assertThat(dead.metadata()).containsEntry("source", "shop");
        assertThat(channel.deadLetters("others").count().block(LIMIT)).isZero();

        assertTrue(channel.deadLetters("orders").requeue(dead.eventId()));
        assertThat(channel.deadLetters("orders").count().block(LIMIT)).isZero();
        EventMessage again = receive("orders");
        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).isEqualTo(1);
        assertThat(again.payloadAs(Integer.class)).isEqualTo(42);
        assertTrue(again.ack());
    }

    @Test
    void whatIsNackedForTheLastTimeIsADeadLetter() {
        rebuilt(builder().maxAttempts(1)).publish("orders", 42).block(LIMIT);
        assertTrue(receive("orders").nack());
        DeadLetter dead = channel.deadLetters("orders").browse(ALL).single().block(LIMIT);
        assertThat(dead.reason()).contains("attempt 1 of 1");
    }

    /** Others roll back without asking this library. */
    @Test
    void whatOracleGaveUpIsADeadLetterToo() {
        EventSchema.of(channel).drop().block(LIMIT);
        rebuilt(builder().maxAttempts(1).lease(Duration.ofMillis(200)));
        EventSchema.of(channel).migrate().block(LIMIT);
        String id = channel.publish("orders", 42).block(LIMIT);
        channel.publish("others", 43).block(LIMIT);
        receive("orders"); // and never settled, so that it is rolled back
        Mono<DeadLetter> found = Mono.defer(
                        () -> channel.deadLetters("orders").browse(ALL).next())
                .repeatWhenEmpty(none -> none.delayElements(Duration.ofMillis(20)));
        DeadLetter dead = Objects.requireNonNull(found.block(LIMIT));
        assertThat(dead.eventId()).isEqualTo(id);
        assertThat(dead.attempts()).isEqualTo(1);
        assertThat(dead.reason()).contains("Oracle gave up");
        assertThat(channel.deadLetters("orders").requeue(ALL).block(LIMIT)).isEqualTo(1);
        rebuilt(builder().maxAttempts(1)); // whose leases last
        assertTrue(receive("orders").ack());
        assertTrue(receive("others").ack());
    }

    @Test
    void aDeadLetterIsRequeuedOnceByWhoeverAsks() {
        channel.publish("orders", 42).block(LIMIT);
        assertTrue(receive("orders").reject("no"));
        Long requeued = Mono.zip(
                        channel.deadLetters("orders").requeue(ALL),
                        channel.deadLetters("orders").requeue(ALL),
                        Long::sum)
                .block(LIMIT);
        assertThat(requeued).isEqualTo(1);
        assertThat(model.queue("REACTIVE_EVENTS_QUEUE").size()).isEqualTo(1);
    }

    // == Queues ==

    @Test
    void channelsOfOneQueueAreToldApartAlsoWhereOnesNameIsAPatternOfTheOthers() {
        channel.publish("axb", "other").block(LIMIT);
        channel.publish("a_b", "mine").block(LIMIT);
        EventMessage mine = receive("a_b");
        assertThat(mine.payloadAs(String.class)).isEqualTo("mine");
        assertThat(mine.channel()).isEqualTo("a_b");
        assertTrue(mine.ack());
        assertThat(receive("axb").payloadAs(String.class)).isEqualTo("other");
    }

    @Test
    void eachChannelCanHaveAQueueOfItsOwn() {
        rebuilt(builder().options(Map.of("aq_queue", "evt_{channel}")));
        EventSchema.of(channel, "orders", "bills").migrate().block(LIMIT);
        EventSchema.of(channel, "orders", "bills").validate().block(LIMIT);
        channel.publish("orders", 1).block(LIMIT);
        channel.publish("bills", 2).block(LIMIT);
        assertThat(model.queue("EVT_ORDERS").size()).isEqualTo(1);
        assertThat(receive("bills").payloadAs(Integer.class)).isEqualTo(2);
        EventSchema.of(channel, "orders", "bills").drop().block(LIMIT);
        assertThat(model.queue("EVT_ORDERS")).isNull();
        assertThatThrownBy(() -> EventSchema.of(channel).migrate().block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("EventSchema.of(channel, \"orders\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Orders", "a.b", "a-b", "far_too_long_for_a_queue"})
    void aChannelThatDoesNotFitIntoTheQueueNameIsRefused(String name) {
        rebuilt(builder().queue("evt_{channel}"));
        assertThatThrownBy(() -> channel.publish(name, 1).block(LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll(name, "evt_{channel}", "aq_queue");
        assertThatThrownBy(() -> channel.subscribe(name).blockFirst(LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining(name);
    }

    @Test
    void aMissingOrStoppedQueueIsAnErrorThatNamesTheRemedy() {
        model.queue("REACTIVE_EVENTS_QUEUE").start(false);
        assertThatThrownBy(() -> EventSchema.of(channel).validate().block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("REACTIVE_EVENTS_QUEUE", "stopped", "migrate()");
        EventSchema.of(channel).migrate().block(LIMIT);
        EventSchema.of(channel).validate().block(LIMIT);

        EventSchema.of(channel).drop().block(LIMIT);
        EventSchema.of(channel).drop().block(LIMIT);
        assertThatThrownBy(() -> channel.publish("orders", 1).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("REACTIVE_EVENTS_QUEUE", "migrate()");
        assertThatThrownBy(() -> channel.subscribe("orders").blockFirst(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("REACTIVE_EVENTS_QUEUE", "migrate()");
    }

    @Test
    void aMissingPrivilegeIsAnErrorThatNamesTheGrant() {
        model.withoutPrivileges = true;
        assertThatThrownBy(() -> channel.publish("orders", 1).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("GRANT EXECUTE ON DBMS_AQ TO");
    }

    @Test
    void theScriptMakesAndStartsTheQueueAfterTheTable() {
        String script = EventSchema.of(rebuilt(builder().queue("app.shop").maxAttempts(4)))
                .script();
        assertThat(script)
                .containsSubsequence("CREATE TABLE", "'APP.SHOP_T'", "max_retries => 3", "START_QUEUE", "\nEND;\n/\n");
    }

    // == Publishing ==

    @Test
    void aDelayIsRoundedUpToSecondsAndNeverShortened() {
        long published = System.nanoTime();
        channel.publish(Event.of("orders", "later").withDelay(Duration.ofMillis(2_300)))
                .block(LIMIT);
        channel.publish("orders", "now").block(LIMIT);
        EventMessage now = receive("orders");
        assertThat(now.payloadAs(String.class)).isEqualTo("now");
        assertTrue(now.ack());
        assertThat(receive("orders").payloadAs(String.class)).isEqualTo("later");
        assertThat(Duration.ofNanos(System.nanoTime() - published)).isGreaterThan(Duration.ofMillis(2_990));
    }

    @Test
    void aPriorityIsGivenByMetadata() {
        channel.publish(Event.of("orders", "usual")).block(LIMIT);
        channel.publish(Event.of("orders", "urgent").withMetadata("aq_priority", "-5"))
                .block(LIMIT);
        assertThat(receive("orders").payloadAs(String.class)).isEqualTo("urgent");
        assertThatThrownBy(() -> channel.publish(Event.of("orders", 1).withMetadata("aq_priority", "high"))
                        .block(LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("aq_priority", "high");
    }

    @Test
    void whatIsPublishedInATransactionOfTheCallersCommitsOrVanishesWithIt() {
        publishIn(Connection::rollbackTransaction, "vanishes");
        publishIn(Connection::commitTransaction, "stays");
        assertThat(receive("orders").payloadAs(String.class)).isEqualTo("stays");
        channel.inTransaction((connection, publisher) -> publisher.publish("others", "ours"))
                .block(LIMIT);
        assertThat(receive("others").payloadAs(String.class)).isEqualTo("ours");
    }

    @Test
    void whatIsVisibleAtOnceEscapesTheTransaction() {
        rebuilt(builder().options(Map.of("aq_visibility", "immediate")));
        publishIn(Connection::rollbackTransaction, "stays");
        assertThat(receive("orders").payloadAs(String.class)).isEqualTo("stays");
    }

    private void publishIn(Function<Connection, Publisher<Void>> end, String text) {
        Mono.usingWhen(
                        model.create(),
                        connection -> Mono.from(connection.beginTransaction())
                                .then(channel.in(connection).publish("orders", text))
                                .then(Mono.defer(() -> Mono.from(end.apply(connection)))),
                        Connection::close)
                .block(LIMIT);
    }

    @Test
    void longTextsComeWhole() {
        String text = "ü€\uD83D\uDE00".repeat(20_000);
        channel.publishAll(List.of(Event.of("orders", "small"), Event.of("orders", text), Event.of("orders", "last")))
                .block(LIMIT);
        for (String expected : List.of("small", text, "last")) {
            EventMessage message = receive("orders");
            assertThat(message.payloadAs(String.class)).isEqualTo(expected);
            assertTrue(message.ack());
        }
    }

    // == What there is not ==

    @Test
    void whatOracleCannotServeIsRefusedWithASentence() {
        String id = "0190c3f0-0000-7000-8000-000000000001";
        for (Event event : List.of(
                Event.of("orders", 1).withKey("k"),
                Event.of("orders", 1).withId(id),
                Event.of("orders", 1).withDeduplicationKey("d"))) {
            assertThatThrownBy(() -> channel.publish(event).block(LIMIT))
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("advanced_queue on Oracle");
        }
        channel.publish("orders", 1).block(LIMIT);
        EventMessage message = receive("orders");
        assertRefused(message.extend(LIMIT));
        assertRefused(message.nack(LIMIT));
        assertTrue(message.ack());
        assertRefused(channel.withdraw(id));
        assertThatThrownBy(() -> channel.inspect()).isInstanceOf(EventException.Unsupported.class);
        assertThatThrownBy(() -> channel.transactional((event, connection) -> Mono.empty()))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("TABLE_QUEUE");
        assertThatThrownBy(() -> channel.listen(
                        "orders",
                        event -> Mono.empty(),
                        ListenOptions.defaults().withMaxAttempts(3)))
                .isInstanceOf(EventException.Unsupported.class);
        assertThatThrownBy(() -> builder().retryPolicy(RetryPolicy.none()).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("retry policy");
        assertThatThrownBy(() -> builder().retention(Duration.ofDays(1)).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("retention");
    }

    private static void assertRefused(Mono<Boolean> asked) {
        assertThatThrownBy(() -> asked.block(LIMIT)).isInstanceOf(EventException.Unsupported.class);
    }

    @Test
    void whereThereAreNoSuchQueuesTheTableTakesTheirPlace() {
        R2dbcEventChannelBuilder elsewhere =
                R2dbcEventChannel.builder(model.tables().h2()).backend(BackendType.ADVANCED_QUEUE);
        assertThat(elsewhere.queue("shop").build().snapshot().backend()).isEqualTo(BackendType.TABLE_QUEUE);
        assertThatThrownBy(() -> elsewhere.fallback(false).build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("advanced_queue", "H2");
        assertThatThrownBy(() -> R2dbcEventChannel.builder(model).queue("shop").build())
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("ADVANCED_QUEUE");
    }

    // == Connections ==

    @Test
    void aListenerWorksOnOneConnectionUnlessMoreAreAskedFor() {
        AtomicInteger handled = new AtomicInteger();
        channel.publishAll(List.of(Event.of("orders", 1), Event.of("orders", 2), Event.of("orders", 3)))
                .block(LIMIT);
        channel.listen("orders", message -> Mono.fromRunnable(handled::incrementAndGet), ListenOptions.defaults());
        Mono.fromSupplier(handled::get)
                .filter(count -> count == 3)
                .repeatWhenEmpty(none -> none.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
        assertThat(model.sessionsThatDequeue).hasSizeLessThanOrEqualTo(2); // one may wait while another ends
    }

    @Test
    void aShutdownDoesNotWaitForADequeueThatWaits() {
        rebuilt(builder().queueWait(Duration.ofSeconds(30)));
        channel.subscribe("orders").subscribe();
        Mono.fromSupplier(model.dequeuesThatWait::get)
                .filter(waiting -> waiting == 1)
                .repeatWhenEmpty(none -> none.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
        long asked = System.nanoTime();
        channel.shutdown().block(LIMIT);
        assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(Duration.ofSeconds(5));
    }

    /** Oracle commits what is open on a connection that is closed. */
    @Test
    void aConnectionThatIsClosedDoesNotTakeItsMessageAlong() {
        channel.publish("orders", 42).block(LIMIT);
        QueueSession session = Objects.requireNonNull(Mono.<Connection>from(model.create())
                .flatMap(connection -> QueueSession.on(connection, ORACLE))
                .block(LIMIT));
        Incoming message = taken(session);
        session.run(connection -> QUEUES.remove(connection, QUEUE, message.messageId()))
                .block(LIMIT);
        session.close().block(LIMIT);
        assertTrue(receive("orders").ack());
    }

    @Test
    void whatIsHeldAtAShutdownIsGivenBack() {
        channel.publish("orders", 42).block(LIMIT);
        receive("orders");
        assertThat(rebuilt(builder())).isNotNull();
        EventMessage again = receive("orders");
        assertThat(again.attempts()).isEqualTo(2);
        assertTrue(again.ack());
    }
}
