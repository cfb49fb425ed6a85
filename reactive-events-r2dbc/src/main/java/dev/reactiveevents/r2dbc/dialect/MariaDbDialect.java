package dev.reactiveevents.r2dbc.dialect;

/** MariaDB 10.6 and later, by {@code org.mariadb:r2dbc-mariadb}. */
public final class MariaDbDialect extends MySqlFamily {

    /** Creates the dialect. */
    public MariaDbDialect() {
        super("MariaDB");
    }
}
