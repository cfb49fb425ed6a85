package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueue;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which queue a channel has. Either each has its own, whose name has the channel's in it; or they share one, where each message
 * has its channel as its correlation. That is a pattern for Oracle, in which an underscore stands for any character: a slash takes
 * its place, which no channel's name has.
 */
record QueueNames(String template) {

    private static final String CHANNEL = "{channel}";

    /** What is another name in capitals for no other channel. */
    private static final Pattern FITTING = Pattern.compile("[a-z][a-z0-9_]*");

    QueueNames {
        AdvancedQueue.of(template.replace(CHANNEL, "c"));
    }

    boolean areOfChannels() {
        return template.contains(CHANNEL);
    }

    AdvancedQueue of(String channel) {
        if (!areOfChannels()) {
            return AdvancedQueue.of(template);
        }
        if (!FITTING.matcher(channel).matches()) {
            throw refused(channel, "use small letters, digits and '_' only");
        }
        String name = template.replace(CHANNEL, channel).toUpperCase(Locale.ROOT);
        try {
            return AdvancedQueue.of(name);
        } catch (EventException.Invalid tooLong) {
            throw refused(channel, name + " would be too long, a queue has 22 characters at most");
        }
    }

    private EventException.Invalid refused(String channel, String why) {
        return new EventException.Invalid("The channel \"" + channel + "\" has no place in the queue name \"" + template
                + "\": " + why + ". Or give aq_queue a name without {channel}, for all channels.");
    }

    /** By what its messages are told from those of other channels; {@code null} if there are no others in its queue. */
    @Nullable
    String correlation(String channel) {
        return areOfChannels() ? null : channel.replace('_', '/');
    }

    /** For messages. */
    @Override
    public String toString() {
        return template.toUpperCase(Locale.ROOT).replace("{CHANNEL}", CHANNEL);
    }
}
