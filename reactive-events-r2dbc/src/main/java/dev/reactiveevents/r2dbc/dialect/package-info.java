/**
 * What differs from database to database, for authors of dialects; {@link dev.reactiveevents.r2dbc.dialect.Dialect} is the
 * entry. May change before version 1.0.
 */
@NullMarked
package dev.reactiveevents.r2dbc.dialect;

import org.jspecify.annotations.NullMarked;
