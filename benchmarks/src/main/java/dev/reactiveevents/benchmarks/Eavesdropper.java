package dev.reactiveevents.benchmarks;

import java.util.concurrent.atomic.AtomicLong;

/** A process that only listens. Asked anything, it answers how many notifications it has heard since it was last asked. */
public final class Eavesdropper {

    private Eavesdropper() {}

    /**
     * The listening process.
     *
     * @param arguments the URL of the database, and what to listen to
     * @throws Exception if it fails
     */
    public static void main(String[] arguments) throws Exception {
        AtomicLong heard = new AtomicLong();
        try (Lab lab = Lab.at(arguments[0])) {
            BareListener listener = new BareListener(lab, arguments[1], payload -> heard.incrementAndGet());
            OtherProcess.sayReady();
            OtherProcess.answer(question -> Long.toString(heard.getAndSet(0)));
            listener.close();
        }
        System.exit(0);
    }
}
