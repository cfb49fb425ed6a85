package dev.reactiveevents.r2dbc;

import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrows of the modules, seen from the one that stands on the others. */
@AnalyzeClasses(packages = "dev.reactiveevents", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static void theClassesAreThere(JavaClasses loaded) {
        assertThat(loaded.contain(R2dbcEventChannel.class)).isTrue();
        assertThat(loaded).hasSizeGreaterThan(60);
    }

    @ArchTest
    static final ArchRule nothingBelowKnowsR2dbc = noClasses()
            .that()
            .resideOutsideOfPackage("dev.reactiveevents.r2dbc..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.reactiveevents.r2dbc..", "io.r2dbc..");

    @ArchTest
    static final ArchRule dialectsDoNotKnowWhoUsesThem = noClasses()
            .that()
            .resideInAPackage("dev.reactiveevents.r2dbc.dialect")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.reactiveevents.r2dbc");

    @ArchTest
    static final ArchRule noDriverIsNeeded = noClasses()
            .that()
            .resideInAPackage("dev.reactiveevents.r2dbc..")
            .and()
            .haveSimpleNameNotStartingWith("PostgresNotifier")
            .and()
            .haveSimpleNameNotStartingWith("PostgresSession")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.r2dbc.postgresql..", "io.r2dbc.h2..", "io.r2dbc.pool..", "org.h2..", "oracle..");

    @ArchTest
    static final ArchRule nobodyKnowsTheTestKit = noClasses()
            .that()
            .resideOutsideOfPackage("dev.reactiveevents.test")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.reactiveevents.test");

    @ArchTest
    static final ArchRule noCycles = slices().matching("dev.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule nothingBlocks = noClasses()
            .that()
            .resideOutsideOfPackage("dev.reactiveevents.test")
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                    nameMatching("block|blockFirst|blockLast|blockOptional|toIterable|toStream|toFuture")));
}
