package dev.reactiveevents.spring;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.core.ReactiveAdapter;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.core.ResolvableType;
import org.springframework.util.ReflectionUtils;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** A method of a bean as a handler: what its parameters get, and what its answer means. */
final class MethodHandler {

    private final Object bean;
    private final Method method;
    private final List<Function<EventMessage, Object>> arguments;

    private MethodHandler(Object bean, Method method, List<Function<EventMessage, Object>> arguments) {
        this.bean = bean;
        this.method = method;
        this.arguments = arguments;
    }

    /**
     * A handler.
     *
     * @param bean whose method it is, perhaps a proxy
     * @param method one that can be invoked on it
     * @param declared the class that declares the parameters' types
     */
    static EventHandler of(Object bean, Method method, Class<?> declared) {
        ReflectionUtils.makeAccessible(method);
        MethodHandler handler = new MethodHandler(bean, method, arguments(method, declared));
        ReactiveAdapter adapter = ReactiveAdapterRegistry.getSharedInstance().getAdapter(method.getReturnType());
        return adapter == null
                ? EventHandler.blocking(handler::invoke)
                : message -> Mono.defer(() -> handler.done(message, adapter));
    }

    private Mono<Void> done(EventMessage message, ReactiveAdapter adapter) {
        Object answer = invoke(message);
        if (answer == null) {
            throw new IllegalStateException(
                    "The listener " + method + " returned null; return a publisher, such as" + " Mono.empty().");
        }
        return Flux.from(adapter.toPublisher(answer)).then();
    }

    private @Nullable Object invoke(EventMessage message) {
        try {
            return method.invoke(
                    bean,
                    arguments.stream().map(argument -> argument.apply(message)).toArray());
        } catch (InvocationTargetException failed) {
            throw Exceptions.propagate(failed.getTargetException()); // Reactor hands on what is inside
        } catch (IllegalAccessException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static List<Function<EventMessage, Object>> arguments(Method method, Class<?> declared) {
        List<Function<EventMessage, Object>> arguments = new ArrayList<>();
        int payloads = 0;
        for (int index = 0; index < method.getParameterCount(); index++) {
            if (method.getParameterTypes()[index] == EventMessage.class) {
                arguments.add(message -> message);
            } else {
                arguments.add(payload(new MethodParameter(method, index).withContainingClass(declared)));
                payloads++;
            }
        }
        if (payloads > 1) {
            throw new EventException.Invalid("The listener " + method + " has " + payloads
                    + " parameters for the payload; give it one, the EventMessage, or both.");
        }
        return arguments;
    }

    private static Function<EventMessage, Object> payload(MethodParameter parameter) {
        Type type = ResolvableType.forMethodParameter(parameter).getType();
        if (type == JsonNode.class) {
            return EventMessage::payload;
        }
        TypeReference<Object> reference = new TypeReference<>() {
            @Override
            public Type getType() {
                return type;
            }
        };
        return message -> message.payloadAs(reference);
    }
}
