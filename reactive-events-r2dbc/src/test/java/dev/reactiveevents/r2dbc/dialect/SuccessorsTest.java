package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SuccessorsTest {

    private final Successors successors = new Successors();

    @Test
    void nothingIsKnownOfAKeyOfWhichTooLittleWasTaken() {
        assertThat(successors.bound("orders", "anna")).isNull();
        successors.taken("orders", "anna", 7);

        assertThat(successors.bound("orders", "anna")).isNull();
    }

    @Test
    void theBoundIsTwiceAsFarAsTheLastStep() {
        successors.taken("orders", "anna", 7);
        successors.taken("orders", "anna", 10);

        assertThat(successors.bound("orders", "anna")).isEqualTo(16);
        assertThat(successors.bound("orders", "ben")).isNull();
        assertThat(successors.bound("bills", "anna")).isNull();
    }

    @Test
    void whatCameBackOrCameLateSaysNothingOfTheNext() {
        successors.taken("orders", "anna", 7);
        successors.taken("orders", "anna", 7);
        assertThat(successors.bound("orders", "anna")).isNull();
        successors.taken("orders", "anna", 3);

        assertThat(successors.bound("orders", "anna")).isNull();
    }

    @Test
    void whatWasNotTakenForLongIsForgotten() {
        for (int i = 0; i <= 10_000; i++) {
            successors.taken("orders", "key" + i, 2 * i);
            successors.taken("orders", "key" + i, 2 * i + 1);
        }

        assertThat(successors.bound("orders", "key0")).isNull();
        assertThat(successors.bound("orders", "key1")).isEqualTo(5);
        assertThat(successors.bound("orders", "key10000")).isEqualTo(20_003);
    }
}
