package dev.reactiveevents.r2dbc.dialect;

/** MySQL 8 and later, by {@code io.asyncer:r2dbc-mysql}, which can also be connected to a MariaDB server. */
public final class MySqlDialect extends MySqlFamily {

    /** Creates the dialect. */
    public MySqlDialect() {
        super("MySQL");
    }
}
