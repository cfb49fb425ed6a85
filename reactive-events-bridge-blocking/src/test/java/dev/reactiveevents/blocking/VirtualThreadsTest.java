package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.ListenOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Where handlers run on Java 21 and later. */
@Timeout(100)
@EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "there are no virtual threads before Java 21")
class VirtualThreadsTest {

    private final Stage stage = Stage.inMemory();
    private final BlockingEventChannel blocking = stage.blocking();
    private final Set<String> kinds = ConcurrentHashMap.newKeySet();

    @TempDir
    private Path directory;

    @AfterEach
    void end() {
        blocking.close();
        stage.close();
    }

    /** Waits while it is being initialized, which pins its thread on every Java. */
    private static final class Pinning {
        static {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }

        static void load() {
            // what is needed has happened
        }
    }

    @Test
    void handlersRunOnVirtualThreadsAndPinNoCarrier() throws Exception {
        handle(50, () -> {}); // whoever is the first to need a class waits for it pinned: that is Java's
        assertThat(pinnedWhile(() -> handle(500, () -> {}))).isEmpty();
        assertThat(kinds).containsExactly("VirtualThread");
        assertThat(pinnedWhile(() -> handle(1, Pinning::load)))
                .as("what pins is seen")
                .isNotEmpty();
    }

    private interface Work {
        void run() throws Exception;
    }

    private List<RecordedEvent> pinnedWhile(Work work) throws Exception {
        try (Recording recording = new Recording()) {
            recording
                    .enable("jdk.VirtualThreadPinned")
                    .withThreshold(Duration.ZERO)
                    .withStackTrace();
            recording.start();
            work.run();
            recording.stop();
            return read(recording).stream().filter(VirtualThreadsTest::isOurs).toList();
        }
    }

    private List<RecordedEvent> read(Recording recording) throws IOException {
        Path file = directory.resolve("pinned-" + recording.getId() + ".jfr");
        recording.dump(file);
        return RecordingFile.readAllEvents(file);
    }

    private void handle(int count, Runnable work) throws InterruptedException {
        CountDownLatch all = new CountDownLatch(count);
        EventListener listener = blocking.listen(
                "orders",
                message -> {
                    kinds.add(Thread.currentThread().getClass().getSimpleName());
                    work.run();
                    blocking.publish("shipped", message.payloadAs(Integer.class));
                    blocking.receive("shipped", Stage.LIMIT).ifPresent(blocking::ack);
                    all.countDown();
                },
                ListenOptions.defaults().withConcurrency(8));
        IntStream.range(0, count).forEach(order -> blocking.publish("orders", order));
        assertThat(all.await(60, TimeUnit.SECONDS)).isTrue();
        blocking.stopListener(listener.id());
    }

    private static boolean isOurs(RecordedEvent event) {
        return event.getStackTrace() != null
                && event.getStackTrace().getFrames().stream()
                        .anyMatch(frame -> frame.getMethod().getType().getName().startsWith("dev.reactiveevents."));
    }
}
