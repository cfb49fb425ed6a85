package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.EventOutlet;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;

/** What {@code subscribe} answers: checked at once, and each subscriber is a subscription of its own. */
final class Subscribing extends Flux<EventMessage> {

    /** Makes a subscription, tells downstream, and begins. */
    interface Start {
        void subscription(
                CoreSubscriber<? super EventMessage> downstream, List<String> channels, SubscribeOptions options);
    }

    private final List<String> channels;
    private final SubscribeOptions options;
    private final Start start;

    private Subscribing(List<String> channels, SubscribeOptions options, Start start) {
        this.channels = channels;
        this.options = options;
        this.start = start;
    }

    static Flux<EventMessage> to(
            EventOutlet backend,
            @Nullable Collection<String> channels,
            @Nullable SubscribeOptions options,
            Start start) {
        try {
            List<String> names = List.copyOf(BackendChannel.validNames(channels));
            if (options == null) {
                throw BackendChannel.nothing("options of a subscription");
            }
            Listeners.requireRetries(backend, options);
            return new Subscribing(names, options, start);
        } catch (EventException.Invalid | EventException.Unsupported refused) {
            return Flux.error(refused);
        }
    }

    @Override
    public void subscribe(CoreSubscriber<? super EventMessage> downstream) {
        start.subscription(downstream, channels, options);
    }
}
