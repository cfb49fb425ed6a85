package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.blockhound.BlockingOperationError;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The contract runs under BlockHound here too: this says whether it really watches. */
class BlockHoundTest {

    @Test
    void blockingOnAParallelThreadIsDetected() {
        Mono<Boolean> waiting = Mono.fromCallable(() -> new CountDownLatch(1).await(10, TimeUnit.SECONDS))
                .subscribeOn(Schedulers.parallel());

        assertThatThrownBy(() -> waiting.toFuture().join()).hasCauseInstanceOf(BlockingOperationError.class);
    }
}
