package dev.reactiveevents.r2dbc;

import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.StoreUpkeep;
import dev.reactiveevents.spi.WakeUp;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A table queue that tells other processes once something in it can be taken, or will be, and hears the same from them. */
final class NotifyingBackend implements EventBackend {

    private final EventBackend store;
    private final String name;
    private final TableNews news;

    NotifyingBackend(EventBackend store, String name, TableNews news) {
        this.store = store;
        this.name = name;
        this.news = news;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Set<Capability> capabilities() {
        return store.capabilities();
    }

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return store.publish(events).doOnSuccess(stored -> news.tell(channelsOf(events)));
    }

    private static Set<String> channelsOf(List<NewEvent> events) {
        return events.stream().map(NewEvent::channel).collect(Collectors.toSet());
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        return store.claim(claim);
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim, Runnable taken) {
        return store.claim(claim, taken);
    }

    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
        return store.settle(settlements).doOnNext(results -> news.tell(freed(settlements, new Settled(results, null))));
    }

    @Override
    public boolean takesNext(String channel) {
        return store.takesNext(channel);
    }

    @Override
    public Mono<Settled> settle(List<Settlement> settlements, Claim next) {
        return store.settle(settlements, next).doOnNext(settled -> news.tell(freed(settlements, settled)));
    }

    private static Set<String> freed(List<Settlement> settlements, Settled settled) {
        return settled.toBeLookedFor(settlements).stream()
                .map(Settlement::channel)
                .collect(Collectors.toSet());
    }

    @Override
    public StoreUpkeep upkeep() {
        return new NotifyingUpkeep(store.upkeep(), news);
    }

    @Override
    public Flux<WakeUp> wakeUps() {
        return news.wakeUps();
    }

    /** The notifier last: what the store gives back at its end is told too. */
    @Override
    public Mono<Void> shutdown() {
        return store.shutdown().then(Mono.defer(news::stop));
    }
}
