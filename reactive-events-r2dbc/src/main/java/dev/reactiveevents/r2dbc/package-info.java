/**
 * Event channels on a database, over R2DBC. Start at {@link dev.reactiveevents.r2dbc.R2dbcEventChannel}.
 */
@NullMarked
package dev.reactiveevents.r2dbc;

import org.jspecify.annotations.NullMarked;
