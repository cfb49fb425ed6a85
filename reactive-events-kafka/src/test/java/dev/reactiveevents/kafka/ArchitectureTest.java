package dev.reactiveevents.kafka;

import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrow of this module: it stands on the API alone. */
@AnalyzeClasses(packages = "dev.reactiveevents.kafka", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static void theClassesAreThere(JavaClasses loaded) {
        assertThat(loaded.contain(KafkaTransport.class)).isTrue();
    }

    @ArchTest
    static final ArchRule itStandsOnTheApiAlone = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.reactiveevents.spi", "dev.reactiveevents.engine", "dev.reactiveevents.r2dbc..", "io.r2dbc..");

    @ArchTest
    static final ArchRule nothingBlocks = noClasses()
            .should()
            .callMethodWhere(JavaCall.Predicates.target(
                    nameMatching("block|blockFirst|blockLast|blockOptional|toIterable|toStream|toFuture")));
}
