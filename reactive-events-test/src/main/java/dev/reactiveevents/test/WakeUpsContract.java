package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** How a subscriber learns that there is something to take, without waiting for its poll interval. */
abstract class WakeUpsContract extends ContractGroup {

    private static final ChannelOptions NEVER_POLLING = OPTIONS.withPollInterval(NO_POLLING);

    WakeUpsContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void aPublishHereArrivesAtOnce() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        for (int i = 0; i < 20; i++) {
            String id = await(events.publish(channel, i));
            assertThat(inbox.next(AT_ONCE).eventId()).isEqualTo(id);
        }
    }

    @Test
    void aPublishAllAndAStreamHereArriveAtOnce() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        publish(events, 1);
        inbox.next(AT_ONCE);
        events.publishAll(Flux.fromIterable(numbered(1))).blockLast(AWAIT);
        inbox.next(AT_ONCE);
    }

    @Test
    void aNackHereWakes() {
        requires(Capability.RETRY);
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        await(inbox.next().nack(Duration.ZERO));
        assertThat(inbox.next(AT_ONCE).attempts()).isEqualTo(2);
    }

    @Test
    void aNackWithADelayHereWakesWhenItIsDue() {
        requires(Capability.RETRY);
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        Duration delay = Duration.ofMillis(500);
        await(inbox.next().nack(delay));
        assertThat(inbox.next(delay.plus(AT_ONCE)).attempts()).isEqualTo(2);
    }

    @Test
    void whatAnotherSubscriptionHereGivesBackWakes() {
        requiresReleases();
        requires(Capability.SHARED);
        EventChannel events = open(NEVER_POLLING);
        publish(events, 300);
        Inbox leaving = consume(events, 150);
        Inbox staying = subscribe(events);
        leaving.cancel();
        for (int i = 0; i < 150; i++) {
            assertThat(staying.next(AT_ONCE).attempts()).isEqualTo(1);
        }
    }

    @Test
    void aLapseWakesWhenItIsDue() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withPollInterval(NO_POLLING));
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        inbox.next();
        assertThat(inbox.next(SHORT_LEASE.multipliedBy(2).plus(AT_ONCE)).attempts())
                .isEqualTo(2);
    }

    @Test
    void moreDemandWakes() {
        requires(Capability.SHARED);
        EventChannel events = open(NEVER_POLLING);
        publish(events, 20);
        Inbox inbox = subscribe(events, 1);
        for (int i = 0; i < 20; i++) {
            assertThat(inbox.next(AT_ONCE).payloadAs(Integer.class)).isEqualTo(i);
            inbox.request(1);
        }
    }

    @Test
    void aPublishElsewhereArrivesWithinThePollInterval() {
        requires(Capability.SHARED);
        Duration pollInterval = Duration.ofMillis(500);
        SubscribeOptions polling = SubscribeOptions.defaults().withPollInterval(pollInterval);
        Inbox inbox = subscribe(open(NEVER_POLLING), Long.MAX_VALUE, polling);
        EventChannel elsewhere = open();
        for (int i = 0; i < 3; i++) {
            await(elsewhere.publish(channel, i));
            assertThat(inbox.next(pollInterval.plus(AT_ONCE)).payloadAs(Integer.class))
                    .isEqualTo(i);
        }
    }
}
