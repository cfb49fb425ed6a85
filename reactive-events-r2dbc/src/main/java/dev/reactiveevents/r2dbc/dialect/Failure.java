package dev.reactiveevents.r2dbc.dialect;

/** What a database means by an error, as far as it decides what to do. */
public enum Failure {
    /** Two transactions were in each other's way, and this one was undone: do it again. */
    CONFLICT,
    /** The database refuses the values. */
    DATA,
    /** A table, a column or a schema is missing. */
    MISSING,
    /** The user may not do this. */
    FORBIDDEN,
    /** The database does not let this user in, or is not there. */
    ACCESS,
    /** The connection broke: what was in flight may have been done. */
    DISCONNECTED,
    /** The database said no for another reason, and changed nothing. */
    REFUSED
}
