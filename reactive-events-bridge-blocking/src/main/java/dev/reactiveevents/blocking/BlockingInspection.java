package dev.reactiveevents.blocking;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import dev.reactiveevents.blocking.Answer.Question;
import java.util.List;

/** What is stored, see {@link Inspection}. Calls wait and fail as {@link BlockingEventChannel} says. */
public final class BlockingInspection {

    private static final Question COUNTS = Question.read(() -> "Events were to be counted");
    private static final Question LEASES = Question.read(() -> "Leases were to be read");
    private static final Question PROCESSING_TIMES = Question.read(() -> "Processing times were to be read");

    private final Inspection inspection;
    private final Calls calls;

    BlockingInspection(Inspection inspection, Calls calls) {
        this.inspection = inspection;
        this.calls = calls;
    }

    /**
     * Counts a channel's events, each kind up to {@link Inspection#USUAL_BOUND}.
     *
     * @param channel the channel's name
     * @return the counts
     */
    public ChannelCounts counts(String channel) {
        return calls.ask("counts", "Inspection.counts", COUNTS, () -> inspection.counts(channel));
    }

    /**
     * Counts a channel's events, each kind up to a bound.
     *
     * @param channel the channel's name
     * @param bound how far to count, see {@link Inspection#counts(String, int)}
     * @return the counts
     */
    public ChannelCounts counts(String channel, int bound) {
        return calls.ask("counts", "Inspection.counts", COUNTS, () -> inspection.counts(channel, bound));
    }

    /** {@return the counts of every channel that has events which are to be delivered, leased or dead} */
    public List<ChannelCounts> counts() {
        return calls.ask(
                "counts", "Inspection.counts", COUNTS, () -> inspection.counts().collectList());
    }

    /**
     * Who holds a channel's events, and until when.
     *
     * @param channel the channel's name
     * @param limit how many at most, see {@link Inspection#leases(String, int)}
     * @return the leases that have not lapsed, the first to end first
     */
    public List<LeaseHolder> leases(String channel, int limit) {
        return calls.ask(
                "leases",
                "Inspection.leases",
                LEASES,
                () -> inspection.leases(channel, limit).collectList());
    }

    /**
     * How long the events took that were acknowledged last.
     *
     * @param channel the channel's name
     * @param latest of how many at most, see {@link Inspection#processingTimes(String, int)}
     * @return the times
     */
    public ProcessingTimes processingTimes(String channel, int latest) {
        return calls.ask(
                "processingTimes",
                "Inspection.processingTimes",
                PROCESSING_TIMES,
                () -> inspection.processingTimes(channel, latest));
    }
}
