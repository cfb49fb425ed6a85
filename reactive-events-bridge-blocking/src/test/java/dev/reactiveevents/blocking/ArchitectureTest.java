package dev.reactiveevents.blocking;

import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrow of this module: it stands on the API alone, and nothing stands on it. */
@AnalyzeClasses(
        packages = "dev.reactiveevents",
        importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NoTestJars.class})
class ArchitectureTest {

    /** The databases of the tests come in one. */
    static final class NoTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String BRIDGE = "dev.reactiveevents.blocking";

    @ArchTest
    static void theClassesAreThere(JavaClasses loaded) {
        assertThat(loaded.contain(BlockingEventChannel.class)).isTrue();
        assertThat(loaded).hasSizeGreaterThan(70);
    }

    @ArchTest
    static final ArchRule theBridgeKnowsTheApiAlone = noClasses()
            .that()
            .resideInAPackage(BRIDGE)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.reactiveevents.spi",
                    "dev.reactiveevents.engine",
                    "dev.reactiveevents.r2dbc..",
                    "dev.reactiveevents.test",
                    "io.r2dbc..");

    @ArchTest
    static final ArchRule nothingKnowsTheBridge = noClasses()
            .that()
            .resideOutsideOfPackage(BRIDGE)
            .should()
            .dependOnClassesThat()
            .resideInAPackage(BRIDGE);

    @ArchTest
    static final ArchRule onlyTheBridgeBlocks = noClasses()
            .that()
            .resideOutsideOfPackages(BRIDGE, "dev.reactiveevents.test")
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                    nameMatching("block|blockFirst|blockLast|blockOptional|toIterable|toStream|toFuture")));
}
