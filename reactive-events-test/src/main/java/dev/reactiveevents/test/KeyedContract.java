package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;

/** What the groups of keys have in common: events whose payload is their key and their number. */
abstract class KeyedContract extends ContractGroup {

    static final ChannelOptions NEVER_POLLING = OPTIONS.withPollInterval(NO_POLLING);

    KeyedContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void keysAreKept() {
        requires(Capability.KEYS);
    }

    Event event(String key, int number) {
        return Event.of(channel, key + number).withKey(key);
    }

    void publish(EventChannel events, String key, int from, int to) {
        await(events.publishAll(
                IntStream.range(from, to).mapToObj(i -> event(key, i)).toList()));
    }

    static String text(EventMessage message) {
        return message.payloadAs(String.class);
    }

    static void assertNext(Inbox inbox, String... payloads) {
        List<EventMessage> messages = inbox.next(payloads.length);
        assertThat(messages).extracting(KeyedContract::text).containsExactlyInAnyOrder(payloads);
    }

    static EventMessage assertNext(Inbox inbox, String payload) {
        EventMessage message = inbox.next();
        assertThat(text(message)).isEqualTo(payload);
        return message;
    }
}
