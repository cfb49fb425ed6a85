package dev.reactiveevents.spring;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodIntrospector.MetadataLookup;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;

/** Finds the methods that {@link ChannelListener} is on. */
final class AnnotatedListeners {

    private final ConfigurableListableBeanFactory beans;

    AnnotatedListeners(ConfigurableListableBeanFactory beans) {
        this.beans = beans;
    }

    /** {@return the listeners, each with its options} Fails with a sentence where one is declared wrongly. */
    List<DeclaredListener> find() {
        List<DeclaredListener> found = new ArrayList<>();
        for (String name : beans.getBeanNamesForType(Object.class, false, false)) {
            Class<?> type =
                    ScopedProxyUtils.isScopedTarget(name) ? null : AutoProxyUtils.determineTargetClass(beans, name);
            if (type != null && AnnotationUtils.isCandidateClass(type, ChannelListener.class)) {
                methods(type).forEach((method, annotation) -> found.add(listener(name, type, method, annotation)));
            }
        }
        return found;
    }

    private static Map<Method, ChannelListener> methods(Class<?> type) {
        return MethodIntrospector.selectMethods(type, (MetadataLookup<@Nullable ChannelListener>)
                method -> AnnotatedElementUtils.findMergedAnnotation(method, ChannelListener.class));
    }

    private DeclaredListener listener(String name, Class<?> type, Method method, ChannelListener annotation) {
        Object bean = beans.getBean(name);
        EventHandler handler = MethodHandler.of(bean, AopUtils.selectInvocableMethod(method, bean.getClass()), type);
        try {
            return new DeclaredListener(resolved(annotation.value()), handler, options(annotation));
        } catch (EventException.Invalid | IllegalArgumentException invalid) {
            throw new EventException.Invalid(
                    "The listener " + method + " is declared wrongly: " + invalid.getMessage(), invalid);
        }
    }

    private ListenOptions options(ChannelListener annotation) {
        String named = resolved(annotation.options());
        ListenOptions options = named.isEmpty() ? ListenOptions.defaults() : beans.getBean(named, ListenOptions.class);
        Integer concurrency = value(annotation.concurrency(), Integer::valueOf);
        options = concurrency == null ? options : options.withConcurrency(concurrency);
        Integer maxAttempts = value(annotation.maxAttempts(), Integer::valueOf);
        options = maxAttempts == null ? options : options.withMaxAttempts(maxAttempts);
        Duration maxProcessingTime = value(annotation.maxProcessingTime(), DurationStyle::detectAndParse);
        options = maxProcessingTime == null ? options : options.withMaxProcessingTime(maxProcessingTime);
        options = annotation.keyed() ? options.withKeyedConcurrency() : options;
        return withRetry(options, annotation);
    }

    private ListenOptions withRetry(ListenOptions options, ChannelListener annotation) {
        Duration first = value(annotation.retryFirst(), DurationStyle::detectAndParse);
        Duration longest = value(annotation.retryLongest(), DurationStyle::detectAndParse);
        boolean silent = first == null && longest == null;
        if (silent && annotation.notRetryOn().length == 0) {
            return options;
        }
        RetryPolicy given = options.subscription().retry();
        RetryPolicy retry = silent && given != null ? given : ConfiguredChannel.exponential(first, longest);
        for (Class<? extends Throwable> failure : annotation.notRetryOn()) {
            retry = retry.notOn(failure);
        }
        return options.withRetry(retry);
    }

    private <T> @Nullable T value(String text, Function<String, T> read) {
        String resolved = resolved(text);
        return resolved.isEmpty() ? null : read.apply(resolved);
    }

    private String resolved(String text) {
        return Objects.requireNonNullElse(beans.resolveEmbeddedValue(text), "");
    }
}
