package dev.reactiveevents.test;

import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Lets non-blocking threads take the lock of a timer queue to remove a timer, as Reactor lets them to add one. BlockHound stopping
 * a thread inside that lock leaves it held for ever, and no timer of the JVM's worker fires again.
 */
public final class TimerLocks implements BlockHoundIntegration {

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue", "remove");
    }
}
