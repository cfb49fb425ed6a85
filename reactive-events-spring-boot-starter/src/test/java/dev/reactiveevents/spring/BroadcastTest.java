package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import dev.reactiveevents.r2dbc.PostgresServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import reactor.core.publisher.Mono;

/** PostgreSQL's default, which keeps nothing: everybody who listens gets every event. */
class BroadcastTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    static class TwoWhoListen {

        final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

        @ChannelListener("news")
        Mono<Void> one(String news) {
            return Mono.fromRunnable(() -> heard.add("one " + news));
        }

        @ChannelListener("news")
        void other(String news) {
            heard.add("other " + news);
        }
    }

    @Test
    void everyListenerGetsEveryEvent() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        R2dbcAutoConfiguration.class,
                        ReactiveEventsAutoConfiguration.class,
                        ReactiveEventsActuatorAutoConfiguration.class))
                .withPropertyValues(
                        "spring.r2dbc.url=" + PostgresServer.freshDatabase(),
                        "reactive-events.schema.migrate=true",
                        "reactive-events.listeners.shutdown-timeout=1s",
                        "management.endpoints.web.exposure.include=events")
                .withBean(TwoWhoListen.class)
                .run(context -> {
                    BlockingQueue<String> heard = context.getBean(TwoWhoListen.class).heard;
                    context.getBean(EventPublisher.class)
                            .publish("news", "rain")
                            .block(LIMIT);
                    assertThat(List.of(next(heard), next(heard))).containsExactlyInAnyOrder("one rain", "other rain");

                    assertThat(context.getBean(ChannelHealthIndicator.class)
                                    .health()
                                    .block(LIMIT))
                            .satisfies(health -> {
                                assertThat(health.getStatus()).isEqualTo(Status.UP);
                                assertThat(health.getDetails())
                                        .containsEntry("backend", BackendType.LISTEN_NOTIFY)
                                        .containsEntry("notifications", Notifications.HEARD);
                            });
                    EventsEndpoint.Overview overview =
                            context.getBean(EventsEndpoint.class).overview().block(LIMIT);
                    assertThat(overview.channels()).isEmpty();
                    assertThat(overview.listeners()).hasSize(2);
                });
    }

    private static String next(BlockingQueue<String> queue) throws InterruptedException {
        return queue.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
}
