package dev.reactiveevents;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.reactiveevents", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final String ROOT = "dev.reactiveevents";
    private static final String SPI = "dev.reactiveevents.spi";
    private static final String ENGINE = "dev.reactiveevents.engine";

    @ArchTest
    static void theClassesAreThere(JavaClasses loaded) {
        assertThat(loaded.contain(EventChannel.class)).isTrue();
        assertThat(loaded).hasSizeGreaterThan(30);
    }

    @ArchTest
    static final ArchRule theApiKnowsNothingOfOurs = noClasses()
            .that()
            .resideInAPackage(ROOT)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(SPI, ENGINE);

    @ArchTest
    static final ArchRule theSpiKnowsOnlyTheApi = noClasses()
            .that()
            .resideInAPackage(SPI)
            .should()
            .dependOnClassesThat()
            .resideInAPackage(ENGINE);

    @ArchTest
    static final ArchRule relaysAndPipelinesStandOnTheApiAlone = noClasses()
            .that()
            .resideInAnyPackage("dev.reactiveevents.relay", "dev.reactiveevents.pipeline")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(SPI, ENGINE);

    @ArchTest
    static final ArchRule nothingStandsOnRelaysAndPipelines = noClasses()
            .that()
            .resideInAnyPackage(ROOT, SPI, ENGINE)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.reactiveevents.relay", "dev.reactiveevents.pipeline");

    @ArchTest
    static final ArchRule noDatabaseTypeInside =
            noClasses().should().dependOnClassesThat(resideInAPackage("io.r2dbc.."));

    @ArchTest
    static final ArchRule micrometerIsNeededByItsPackageOnly = noClasses()
            .that()
            .resideOutsideOfPackage("dev.reactiveevents.micrometer")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.reactiveevents.micrometer", "io.micrometer..");

    @ArchTest
    static final ArchRule meansOfObservationDoNotKnowTheEngine = noClasses()
            .that()
            .resideInAPackage("dev.reactiveevents.micrometer")
            .should()
            .dependOnClassesThat()
            .resideInAPackage(ENGINE);

    @ArchTest
    static final ArchRule theEngineHasOneDoor = classes()
            .that()
            .resideInAPackage(ENGINE)
            .and()
            .areNotMemberClasses()
            .and()
            .doNotHaveSimpleName("package-info")
            .and()
            .doNotHaveSimpleName("EventChannels")
            .and()
            .doNotHaveSimpleName("ChannelOptions")
            .should()
            .bePackagePrivate();

    @ArchTest
    static final ArchRule noCycles = slices().matching("dev.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule nothingBlocks = noClasses()
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                    com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching(
                            "block|blockFirst|blockLast|blockOptional|toIterable|toStream|toFuture")));
}
