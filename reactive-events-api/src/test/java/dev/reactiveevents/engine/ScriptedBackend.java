package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.WakeUp;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A backend whose answers the test writes, to see exactly what the engine asks for. */
final class ScriptedBackend implements EventBackend {

    final List<List<NewEvent>> published = new ArrayList<>();
    final List<Claim> claims = new ArrayList<>();
    final List<Runnable> taken = new ArrayList<>();
    final List<Settlement> settlements = new ArrayList<>();
    /** The claims that settlements took along. */
    final List<Claim> along = new ArrayList<>();

    final Set<Capability> capabilities = EnumSet.allOf(Capability.class);
    final Deque<UUID> stored = new ArrayDeque<>();
    Function<Claim, Mono<List<Claimed>>> onClaim = claim -> Mono.just(take(claim));
    Function<List<Settlement>, Mono<List<SettleResult>>> onSettle = ScriptedBackend::applyAll;
    /** Settles and claims; null while settlements are to take nothing along. */
    @Nullable
    BiFunction<List<Settlement>, Claim, Mono<Settled>> onSettleAndTake;

    Mono<Void> onPublish = Mono.empty();
    Flux<WakeUp> wakeUps = Flux.empty();
    Runnable onShutdown = () -> {};

    static Mono<List<SettleResult>> applyAll(List<Settlement> batch) {
        return Mono.just(batch.stream().map(settlement -> SettleResult.APPLIED).toList());
    }

    void store(int events) {
        for (int i = 0; i < events; i++) {
            stored.add(TimeOrderedIds.next());
        }
    }

    /** Gives what is stored to the first channel that asks. */
    List<Claimed> take(Claim claim) {
        return claim.requests().stream()
                .map(request -> new Claimed(request.channel(), next(request), List.of(), null, false, false))
                .toList();
    }

    private List<ClaimedEvent> next(Claim.Request request) {
        List<ClaimedEvent> events = new ArrayList<>();
        while (events.size() < request.limit() && !stored.isEmpty()) {
            events.add(event(stored.poll(), request.channel()));
        }
        return events;
    }

    static ClaimedEvent event(UUID id, String channel) {
        return event(id, channel, "1");
    }

    static ClaimedEvent event(UUID id, String channel, String payload) {
        return event(id, channel, null, payload);
    }

    static ClaimedEvent event(UUID id, String channel, @Nullable String key, String payload) {
        Instant now = Instant.EPOCH;
        return new ClaimedEvent(id, channel, null, key, payload, null, 1, now, now, now.plusSeconds(45));
    }

    List<Integer> asked() {
        return claims.stream().map(claim -> claim.requests().get(0).limit()).toList();
    }

    @Override
    public String name() {
        return "scripted backend";
    }

    @Override
    public Set<Capability> capabilities() {
        return capabilities;
    }

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return Mono.defer(() -> {
            published.add(events);
            return onPublish;
        });
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim, Runnable eventsAreTaken) {
        taken.add(eventsAreTaken);
        return claim(claim);
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        claims.add(claim);
        return onClaim.apply(claim);
    }

    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> batch) {
        settlements.addAll(batch);
        return onSettle.apply(batch);
    }

    @Override
    public boolean takesNext(String channel) {
        return onSettleAndTake != null;
    }

    @Override
    public Mono<Settled> settle(List<Settlement> batch, Claim next) {
        settlements.addAll(batch);
        along.add(next);
        return Objects.requireNonNull(onSettleAndTake).apply(batch, next);
    }

    @Override
    public Flux<WakeUp> wakeUps() {
        return wakeUps;
    }

    @Override
    public Mono<Void> shutdown() {
        return Mono.fromRunnable(onShutdown);
    }
}
