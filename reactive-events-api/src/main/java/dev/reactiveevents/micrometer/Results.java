package dev.reactiveevents.micrometer;

import dev.reactiveevents.micrometer.EventObservations.Low;
import dev.reactiveevents.spi.EventObserver.End;
import io.micrometer.common.KeyValue;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Key values that several conventions have. */
final class Results {

    private static final String SEVERAL = "several";

    private Results() {}

    static KeyValue of(@Nullable End end) {
        return end == null
                ? Low.RESULT.withNoneValue()
                : Low.RESULT.withValue(
                        switch (end) {
                            case DONE -> "done";
                            case FAILED -> "failed";
                            case CANCELLED -> "cancelled";
                            case LOST -> "lost";
                        });
    }

    /** One of them stands for all if they are the same. */
    static KeyValue channel(Collection<String> channels) {
        String first = channels.iterator().next();
        return Low.CHANNEL.withValue(channels.stream().allMatch(first::equals) ? first : SEVERAL);
    }
}
