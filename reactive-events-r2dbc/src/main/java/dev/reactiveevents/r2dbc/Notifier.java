package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Carries short words between processes, at most once, and says when it cannot. */
interface Notifier {

    /** What is heard of a topic. */
    enum Kind {
        /** Somebody else's word. */
        NOTICE,
        /** What is told from now on is heard. */
        STANDING,
        /** Nothing is heard for now; STANDING will come once that is over. */
        CUT_OFF
    }

    /** One thing that is heard. The payload is a notice's, the reason that of being cut off. */
    record Heard(Kind kind, String payload, @Nullable Throwable reason) {

        static final Heard STANDING = new Heard(Kind.STANDING, "", null);

        static Heard notice(String payload) {
            return new Heard(Kind.NOTICE, payload, null);
        }

        static Heard cutOff(@Nullable Throwable reason) {
            return new Heard(Kind.CUT_OFF, "", reason);
        }
    }

    /**
     * Listens until disposed of. Every listener is told of STANDING or CUT_OFF once either is known.
     *
     * @param listener called on a thread of the driver or of a timer; must not block
     */
    Disposable listen(String topic, Consumer<Heard> listener);

    /** Tells other processes soon. Words that are the same and have not been sent yet are one. */
    void tell(String topic, String payload);

    /** Whether what others tell is heard in this moment. */
    Notifications notifications();

    /** How often the connection was opened again after it had been lost. */
    long reconnects();

    /** Sends what is to be told, if that can be done now, and ends. */
    Mono<Void> stop();
}
