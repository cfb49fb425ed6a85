package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Extensions of leases wait for nobody: a row on which a transactional handler works, for however long, would hold up the
 * renewals of all others. What is not locked is found, and locked, first.
 */
final class Extensions {

    private Extensions() {}

    /**
     * Extends what can be.
     *
     * @param free the events that were not locked by others, and are locked now
     * @param extend extends some
     * @return for each whether it was extended
     */
    static Mono<List<Boolean>> of(
            List<Settlement> extensions, Flux<UUID> free, Function<List<Settlement>, Mono<List<Boolean>>> extend) {
        return free.collect(Collectors.toSet()).flatMap(ids -> {
            List<Settlement> possible = extensions.stream()
                    .filter(extension -> ids.contains(extension.eventId()))
                    .toList();
            return possible.isEmpty()
                    ? Mono.just(Collections.nCopies(extensions.size(), false))
                    : extend.apply(possible).map(extended -> {
                        Iterator<Boolean> next = extended.iterator();
                        return extensions.stream()
                                .map(extension -> ids.contains(extension.eventId()) && next.next())
                                .toList();
                    });
        });
    }
}
