package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.reactiveevents.EventException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a table is called is no other thing in any statement. */
class QueueTableTest {

    /** Keywords stand in capitals in all texts, and names do not. */
    private static final Pattern PART =
            Pattern.compile("(?:WITH|WITH RECURSIVE|,) ([a-z_]+)(?: \\([^)]*\\))? AS (?:MATERIALIZED )?\\(");

    private static final Pattern ALIAS =
            Pattern.compile("(?:FROM|JOIN|UPDATE|USING) \\$\\{table(?::[a-z]+)?}(?: AS)? ([a-z_]+)");

    private static final Pattern DERIVED = Pattern.compile("(?:FROM|JOIN|LATERAL|STRAIGHT_JOIN) ?\\(");
    private static final Pattern NAME = Pattern.compile("\\)(?: AS)? ([a-z_]+)");

    @Test
    void aNameThatStatementsUseThemselvesIsRefused() {
        Set<String> used = texts().flatMap(QueueTableTest::names).collect(Collectors.toCollection(TreeSet::new));

        assertThat(used).contains("k", "e", "due", "walked", "with_key", "seen", "head", "first_one");
        assertThat(used)
                .allSatisfy(name -> assertThatThrownBy(() -> QueueTable.of("app." + name))
                        .as(name)
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining("such as " + name + "_events"));
        assertThatThrownBy(() -> QueueTable.of("Due")).isInstanceOf(EventException.Invalid.class);
        assertThat(QueueTable.of("due_events").name()).isEqualTo("due_events");
    }

    /** All that stands in constants of this package. */
    private static Stream<String> texts() {
        return new ClassFileImporter()
                .importPackages(QueueTable.class.getPackageName()).stream()
                        .filter(type -> !type.getFullName().contains("Test")
                                && !type.getFullName().contains("Lint"))
                        .map(JavaClass::reflect)
                        .flatMap(type -> Stream.of(type.getDeclaredFields()))
                        .filter(field -> Modifier.isStatic(field.getModifiers()) && field.getType() == String.class)
                        .map(QueueTableTest::text)
                        .map(text -> text.replaceAll("\\s+", " "));
    }

    private static String text(Field field) {
        try {
            field.setAccessible(true);
            return (String) field.get(null);
        } catch (IllegalAccessException failure) {
            throw new AssertionError(failure);
        }
    }

    private static Stream<String> names(String text) {
        return Stream.concat(
                Stream.of(PART, ALIAS)
                        .flatMap(pattern -> pattern.matcher(text).results().map(found -> found.group(1))),
                DERIVED.matcher(text).results().flatMap(found -> nameAfter(text, found.end())));
    }

    /** What stands behind the bracket that closes the one before this place. */
    private static Stream<String> nameAfter(String text, int from) {
        int depth = 1;
        int at = from;
        while (at < text.length() && depth > 0) {
            char next = text.charAt(at++);
            depth += next == '(' ? 1 : next == ')' ? -1 : 0;
        }
        Matcher name = NAME.matcher(text).region(Math.max(0, at - 1), text.length());
        return depth == 0 && name.lookingAt() ? Stream.of(name.group(1)) : Stream.empty();
    }
}
