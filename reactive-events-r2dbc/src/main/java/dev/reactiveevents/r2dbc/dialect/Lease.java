package dev.reactiveevents.r2dbc.dialect;

import java.util.UUID;

/**
 * One delivery of one event.
 *
 * @param eventId the event
 * @param token the token under which it is, or was, leased
 */
public record Lease(UUID eventId, UUID token) {}
