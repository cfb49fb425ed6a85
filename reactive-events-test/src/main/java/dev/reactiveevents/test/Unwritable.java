package dev.reactiveevents.test;

/** A payload that cannot be written as JSON. */
final class Unwritable {

    /** {@return never} */
    public String getValue() {
        throw new IllegalStateException("This value cannot be read.");
    }
}
