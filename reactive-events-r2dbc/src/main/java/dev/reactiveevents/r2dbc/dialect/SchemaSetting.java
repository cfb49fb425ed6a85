package dev.reactiveevents.r2dbc.dialect;

import org.jspecify.annotations.Nullable;

/**
 * A number that a database takes for the storage of a table.
 *
 * @param name its name in DDL and in options
 * @param standard its value unless another is given; {@code null} to leave it to the database
 * @param least the least allowed value
 * @param most the greatest allowed value
 * @param whole whether it must be a whole number
 */
public record SchemaSetting(String name, @Nullable Number standard, double least, double most, boolean whole) {

    /**
     * Whether a value is allowed.
     *
     * @param value the value
     * @return false if it is out of range, or not a whole number though it must be
     */
    public boolean allows(Number value) {
        double number = value.doubleValue();
        return number >= least && number <= most && (!whole || number == Math.rint(number));
    }

    /** {@return the allowed values, in words} */
    public String range() {
        return whole
                ? "a whole number from %.0f to %.0f".formatted(least, most)
                : "a number from " + least + " to " + most;
    }
}
