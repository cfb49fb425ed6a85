package dev.reactiveevents;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Handlers by pattern: a tree of segments. A type is found in as many steps as it has segments, where the names on its way lead
 * to a match. Where a name and {@code *} both lead on and nothing behind the name matches, what is behind the star is looked at
 * as well: each such segment can double the steps of those behind it, at most up to the number of nodes that match the type's
 * beginnings. Other routes are not looked at.
 */
final class Routes {

    private static final String ONE = "*";
    private static final String REST = "**";

    private final Map<String, Routes> named = new HashMap<>();
    private @Nullable Routes any;
    /** For a type that ends here. */
    private @Nullable Handlers here;
    /** For a type that ends here or goes on, if nothing more specific matches. */
    private @Nullable Handlers rest;
    /** The same, if no pattern of this part of the tree matches. */
    private @Nullable Handlers otherwise;

    // == Registering ==

    /** The segments of a pattern. */
    static String[] segments(@Nullable String pattern) {
        String[] segments = pattern == null ? new String[] {""} : pattern.split("\\.", -1);
        for (int i = 0; i < segments.length; i++) {
            requireSegment(pattern, segments[i], i == segments.length - 1);
        }
        return segments;
    }

    private static void requireSegment(@Nullable String pattern, String segment, boolean last) {
        boolean star = segment.contains(ONE);
        boolean valid = !segment.isBlank() && (!star || segment.equals(ONE) || segment.equals(REST) && last);
        if (!valid) {
            throw new EventException.Invalid("The pattern " + (pattern == null ? null : '"' + pattern + '"')
                    + " of a route is not valid; give segments between dots, each a name or * for any, and ** at the end"
                    + " for any rest.");
        }
    }

    static void requireNames(String prefix, String[] segments) {
        for (String segment : segments) {
            if (segment.contains(ONE)) {
                throw new EventException.Invalid("The prefix \"" + prefix
                        + "\" of an included router is not valid; give names between dots, without stars.");
            }
        }
    }

    void add(String[] pattern, EventHandler handler) {
        boolean open = pattern[pattern.length - 1].equals(REST);
        Routes end = walk(pattern, open ? pattern.length - 1 : pattern.length);
        if (open) {
            end.rest = Handlers.with(end.rest, handler);
        } else {
            end.here = Handlers.with(end.here, handler);
        }
    }

    void addOtherwise(EventHandler handler) {
        otherwise = Handlers.with(otherwise, handler);
    }

    void include(String[] prefix, Routes others) {
        walk(prefix, prefix.length).addAll(others);
    }

    private Routes walk(String[] pattern, int length) {
        Routes node = this;
        for (int i = 0; i < length; i++) {
            node = pattern[i].equals(ONE) ? node.any() : node.named.computeIfAbsent(pattern[i], name -> new Routes());
        }
        return node;
    }

    private Routes any() {
        Routes existing = any;
        if (existing == null) {
            existing = new Routes();
            any = existing;
        }
        return existing;
    }

    private void addAll(Routes others) {
        here = Handlers.with(here, others.here);
        rest = Handlers.with(rest, others.rest);
        otherwise = Handlers.with(otherwise, others.otherwise);
        others.named.forEach((name, routes) ->
                named.computeIfAbsent(name, fresh -> new Routes()).addAll(routes));
        if (others.any != null) {
            any().addAll(others.any);
        }
    }

    // == Finding ==

    /** The handlers of the most specific pattern that matches; null if none does. */
    @Nullable
    EventHandler find(@Nullable String type) {
        return type == null ? atEnd(false) : find(type, 0);
    }

    /** From where a segment of the type begins: a name before any, any before the rest. */
    private @Nullable EventHandler find(String type, int from) {
        if (from > type.length()) {
            return atEnd(true);
        }
        int dot = type.indexOf('.', from);
        int end = dot < 0 ? type.length() : dot;
        Routes next = named.isEmpty() ? null : named.get(type.substring(from, end));
        EventHandler found = next == null ? null : next.find(type, end + 1);
        if (found == null && any != null) {
            found = any.find(type, end + 1);
        }
        return found != null ? found : atEnd(false);
    }

    private @Nullable EventHandler atEnd(boolean exactly) {
        if (exactly && here != null) {
            return here;
        }
        return rest != null ? rest : otherwise;
    }

    /**
     * Handlers of one pattern. All run, one after the other; the first failure is told at the end, and carries a few of the others. If
     * one of them needs a transaction, they share it.
     */
    private static final class Handlers implements EventHandler {

        private static final int MOST_CARRIED = 10;

        private final List<EventHandler> all;
        private final EventHandler whole;

        private Handlers(List<EventHandler> all) {
            this.all = all;
            this.whole = all.size() == 1
                    ? all.get(0)
                    : all.stream()
                            .filter(TransactionalEventHandler.class::isInstance)
                            .findFirst()
                            .map(handler -> ((TransactionalEventHandler) handler).together(all))
                            .orElse(this::each);
        }

        static @Nullable Handlers with(@Nullable Handlers before, @Nullable EventHandler more) {
            if (more == null) {
                return before;
            }
            List<EventHandler> all = new ArrayList<>(before == null ? List.of() : before.all);
            if (more instanceof Handlers others) {
                all.addAll(others.all);
            } else {
                all.add(more);
            }
            return new Handlers(all);
        }

        @Override
        public Mono<Void> handle(EventMessage message) {
            return whole.handle(message);
        }

        private Mono<Void> each(EventMessage message) {
            return Mono.defer(() -> {
                List<Throwable> failures = new ArrayList<>(0);
                return Flux.fromIterable(all)
                        .concatMap(handler -> handledBy(handler, message).onErrorResume(failure -> {
                            failures.add(failure);
                            return Mono.empty();
                        }))
                        .then(Mono.defer(() -> failures.isEmpty() ? Mono.empty() : Mono.error(first(failures))));
            });
        }

        /** Reactor would throw a missing class up the thread that ended the handler before, and nobody would be told of it. */
        private static Mono<Void> handledBy(EventHandler handler, EventMessage message) {
            try {
                Mono<Void> handled = handler.handle(message);
                return handled != null
                        ? handled
                        : Mono.error(new NullPointerException("A handler of " + message
                                + " answered null; let it answer Mono.empty() when there is nothing to wait for."));
            } catch (Throwable thrown) {
                return Mono.error(thrown);
            }
        }

        /** A failure may be the same object for each event, which is not to grow with each. */
        private static Throwable first(List<Throwable> failures) {
            Throwable first = failures.get(0);
            for (Throwable other : failures) {
                List<Throwable> carried = List.of(first.getSuppressed());
                if (carried.size() < MOST_CARRIED
                        && other != first
                        && carried.stream().noneMatch(one -> one == other)) {
                    first.addSuppressed(other);
                }
            }
            return first;
        }
    }
}
