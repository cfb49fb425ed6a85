package dev.reactiveevents.benchmarks;

import java.time.Duration;

/** A contestant that works while another process listens to the news of its table, and claims nothing. */
final class Overheard implements Contestant {

    private final Contestant contestant;
    private final boolean tells;
    private final OtherProcess eavesdropper;

    /**
     * A contestant and who listens.
     *
     * @param tells whether anything is to be heard; a round in which it is otherwise fails
     */
    Overheard(Lab lab, String table, boolean tells, Contestant contestant) {
        this.contestant = contestant;
        this.tells = tells;
        this.eavesdropper = OtherProcess.start(Eavesdropper.class, lab.url(), "reactive_events." + table);
    }

    @Override
    public void prepare() {
        contestant.prepare();
    }

    @Override
    public double measure(Duration window) {
        double measured = contestant.measure(window);
        long heard = Long.parseLong(eavesdropper.ask("how many"));
        if (heard > 0 != tells) {
            throw new IllegalStateException(heard + " notifications were heard of a table that was to tell "
                    + (tells ? "its news." : "nothing."));
        }
        return measured;
    }

    @Override
    public void close() {
        eavesdropper.close();
        contestant.close();
    }
}
