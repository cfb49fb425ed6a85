package dev.reactiveevents.r2dbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** Something of a driver that does all that it is called for, and answers what a test makes of its answers. */
final class Intercepted {

    private Intercepted() {}

    interface Answers {
        Object answer(String method, Object[] values, Object answer);
    }

    static <T> T of(Class<T> type, T real, Answers answers) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (proxy, method, values) -> {
                    Object answer = invoke(method, real, values);
                    return answer == real ? proxy : answers.answer(method.getName(), values, answer);
                }));
    }

    private static Object invoke(Method method, Object real, Object[] values) throws Throwable {
        try {
            return method.invoke(real, values);
        } catch (InvocationTargetException failed) {
            throw failed.getCause();
        }
    }
}
