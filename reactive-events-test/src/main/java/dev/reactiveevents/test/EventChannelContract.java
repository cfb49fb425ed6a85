package dev.reactiveevents.test;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/**
 * What every backend must do, as tests. A backend passes by extending this class:
 *
 * <pre>{@code
 * class MyBackendContractTest extends EventChannelContract {
 *     private final MyStore store = MyStore.start();
 *
 *     @Override protected EventChannel open(ChannelOptions options) {
 *         return EventChannels.over(new MyBackend(store), options);
 *     }
 *
 *     @Override protected Set<Capability> capabilities() {
 *         return MyBackend.CAPABILITIES;
 *     }
 * }
 * }</pre>
 *
 * <p>There is one group of tests for each thing that a channel does. Tests of what {@link #capabilities()} does not claim are
 * skipped, and say so. Each test uses channel names of its own, so that the store may be shared and kept.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
public abstract class EventChannelContract {

    /**
     * Opens a new channel object, each time over the same store. The test shuts it down.
     *
     * @param options how the channel is to work
     * @return the channel
     */
    protected abstract EventChannel open(ChannelOptions options);

    /** {@return what the backend claims to do} */
    protected abstract Set<Capability> capabilities();

    /**
     * Publishes an event in a transaction and leaves that open, so that tests can commit it late or roll it back.
     *
     * @param events a channel object that was opened here
     * @param event what to publish
     * @return the transaction; empty, as by default, if the store has none
     */
    protected Mono<Uncommitted> publishUncommitted(EventChannel events, Event event) {
        return Mono.empty();
    }

    /**
     * Opens a new channel object that keeps what is done with for a short time only.
     *
     * @param options how the channel is to work
     * @param retention how long acknowledged events are kept
     * @param deadRetention how long dead letters are kept
     * @return the channel; empty, as by default, if such times are not a channel's to choose
     */
    protected Mono<EventChannel> openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        return Mono.empty();
    }

    /** Called after each test, when its channels are shut down. May empty the store; by default does nothing. */
    protected void wipe() {}

    @Nested
    class Publishing extends PublishingContract {
        Publishing() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Retention extends RetentionContract {
        Retention() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Streaming extends StreamingContract {
        Streaming() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Subscribing extends SubscribingContract {
        Subscribing() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Backpressure extends BackpressureContract {
        Backpressure() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Cancelling extends CancellingContract {
        Cancelling() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Receiving extends ReceivingContract {
        Receiving() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Settling extends SettlingContract {
        Settling() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class SettlingById extends SettlingByIdContract {
        SettlingById() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Leases extends LeasesContract {
        Leases() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Retrying extends RetryingContract {
        Retrying() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Delays extends DelaysContract {
        Delays() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Ordering extends OrderingContract {
        Ordering() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class KeyOrder extends KeyOrderContract {
        KeyOrder() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class DeadLettersOfKeys extends DeadLetterKeysContract {
        DeadLettersOfKeys() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Deduplication extends DeduplicationContract {
        Deduplication() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Killers extends KillersContract {
        Killers() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Payloads extends PayloadsContract {
        Payloads() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Input extends InputContract {
        Input() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Shutdown extends ShutdownContract {
        Shutdown() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class DeadLetters extends DeadLettersContract {
        DeadLetters() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Withdrawing extends WithdrawingContract {
        Withdrawing() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Inspecting extends InspectingContract {
        Inspecting() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class WakeUps extends WakeUpsContract {
        WakeUps() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Listening extends ListeningContract {
        Listening() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class UnfinishedHandlers extends UnfinishedHandlersContract {
        UnfinishedHandlers() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class ListenerRetries extends ListenerRetriesContract {
        ListenerRetries() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Routing extends RoutingContract {
        Routing() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Relaying extends RelayingContract {
        Relaying() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Piping extends PipingContract {
        Piping() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Observing extends ObservingContract {
        Observing() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class CarriedContext extends CarriedContextContract {
        CarriedContext() {
            super(EventChannelContract.this);
        }
    }

    @Nested
    class Model extends ModelContract {
        Model() {
            super(EventChannelContract.this);
        }
    }
}
