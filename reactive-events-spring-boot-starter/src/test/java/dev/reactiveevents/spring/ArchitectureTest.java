package dev.reactiveevents.spring;

import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

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

    private static final String SPRING = "dev.reactiveevents.spring";

    @ArchTest
    static void theClassesAreThere(JavaClasses loaded) {
        assertThat(loaded.contain(ChannelListener.class)).isTrue();
        assertThat(loaded).hasSizeGreaterThan(60);
    }

    @ArchTest
    static final ArchRule nothingBelowKnowsSpring = noClasses()
            .that()
            .resideOutsideOfPackage(SPRING)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(SPRING, "org.springframework..");

    @ArchTest
    static final ArchRule theEngineIsNotForUs = noClasses()
            .that()
            .resideInAPackage(SPRING)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.reactiveevents.engine");

    @ArchTest
    static final ArchRule theBridgeIsNeededByItsConfigurationOnly = noClasses()
            .that()
            .resideInAPackage(SPRING)
            .and()
            .doNotHaveSimpleName("ReactiveEventsBridgeAutoConfiguration")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.reactiveevents.blocking");

    @ArchTest
    static final ArchRule whatUsersSeeIsFew = classes()
            .that()
            .resideInAPackage(SPRING)
            .and()
            .areTopLevelClasses()
            .and()
            .arePublic()
            .should()
            .haveNameMatching(
                    ".*(AutoConfiguration|Properties|ChannelListener|DeclaredListener|ChannelCustomizer|EventsEndpoint)");

    @ArchTest
    static final ArchRule noCycles = slices().matching("dev.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule nothingBlocksButStartAndEnd = noClasses()
            .that()
            .resideInAPackage(SPRING)
            .and()
            .doNotHaveSimpleName("AtStart")
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                    nameMatching("block|blockFirst|blockLast|blockOptional|toIterable|toStream|toFuture")));
}
