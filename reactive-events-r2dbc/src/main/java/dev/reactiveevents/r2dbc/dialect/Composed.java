package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A statement that is put together as it is needed, for databases without arrays. Numbers, ids and bytes stand in its text, strings
 * are bound.
 */
final class Composed {

    private static final HexFormat HEX = HexFormat.of();

    private final StringBuilder sql = new StringBuilder();
    private final List<String> bound = new ArrayList<>();

    Composed text(String text) {
        sql.append(text);
        return this;
    }

    /** A string, a number, an id, bytes, a collection of such in parentheses, or what a function adds. */
    @SuppressWarnings("unchecked")
    Composed value(@Nullable Object value) {
        if (value == null) {
            sql.append("NULL");
        } else if (value instanceof UUID id) {
            sql.append("X'").append(hex(id)).append('\'');
        } else if (value instanceof byte[] bytes) {
            sql.append("X'").append(HEX.formatHex(bytes)).append('\'');
        } else if (value instanceof Number || value instanceof Boolean) {
            sql.append(value);
        } else if (value instanceof Collection<?> values) {
            values(values);
        } else if (value instanceof Consumer<?> part) {
            ((Consumer<Composed>) part).accept(this);
        } else {
            sql.append('?');
            bound.add((String) value);
        }
        return this;
    }

    private void values(Collection<?> values) {
        char before = '(';
        for (Object value : values) {
            sql.append(before);
            value(value);
            before = ',';
        }
        sql.append(')');
    }

    private static String hex(UUID id) {
        return HEX.toHexDigits(id.getMostSignificantBits()) + HEX.toHexDigits(id.getLeastSignificantBits());
    }

    Statement on(Connection connection) {
        Statement statement = connection.createStatement(sql.toString());
        for (int i = 0; i < bound.size(); i++) {
            statement.bind(i, bound.get(i));
        }
        return statement;
    }
}
