package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad input is refused by a sentence, as a signal and not by a throw. */
abstract class InputContract extends BadInputContract {

    InputContract(EventChannelContract contract) {
        super(contract);
    }

    // == Names ==

    /** Each with 32 characters that no other test uses. */
    static Stream<String> goodNames() {
        String unique = newChannelName().replaceAll("contract|-", "");
        return Stream.of("A", "_", "orders.placed:v1-beta_2", "select-", "a".repeat(31))
                .map(prefix -> prefix + unique);
    }

    @ParameterizedTest
    @MethodSource("goodNames")
    void acceptsAGoodChannelName(String name) {
        EventChannel events = open();
        Inbox inbox = subscribe(events, 1, SubscribeOptions.defaults(), name);
        await(events.publish(name, 1));
        assertThat(inbox.next().channel()).isEqualTo(name);
    }

    // == Events ==

    @Test
    void refusesACollectionWithoutOneOfItsEventsAsAWhole() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        assertRefused(events.publishAll(Arrays.asList(Event.of(channel, 1), nothing())));
        assertNothingElse(events, inbox);
    }

    // == Settling and receiving ==

    @Test
    void refusesBadDurationsOfAMessage() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        EventMessage message = inbox.next();
        assertRefused(message.nack(NEGATIVE));
        assertRefused(message.nack(BadInputContract.<Duration>nothing()));
        assertRefused(message.extend(Duration.ZERO));
        assertRefused(message.extend(NEGATIVE));
        assertRefused(message.extend(nothing()));
        assertThat(await(message.ack())).isTrue();
    }
}
