package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Micrometer is optional: a class path without it has a channel that works. */
class WithoutMicrometerTest {

    @Test
    void aChannelWorks() throws Exception {
        try (URLClassLoader without = without("io" + File.separator + "micrometer")) {
            assertThatThrownBy(() -> without.loadClass("io.micrometer.observation.Observation"))
                    .isInstanceOf(ClassNotFoundException.class);
            Callable<?> application = (Callable<?>) without.loadClass(WithoutMicrometer.class.getName())
                    .getConstructor()
                    .newInstance();

            assertThat(application.getClass()).isNotEqualTo(WithoutMicrometer.class);
            assertThat(application.call()).isEqualTo("1 because of order-42, 1 acked");
        }
    }

    /** The class path of the tests, by itself and without the artifacts of a group. */
    private static URLClassLoader without(String group) throws IOException {
        URL[] urls = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains(group))
                .map(WithoutMicrometerTest::url)
                .toArray(URL[]::new);
        return new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
    }

    private static URL url(String entry) {
        try {
            return new File(entry).toURI().toURL();
        } catch (MalformedURLException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
