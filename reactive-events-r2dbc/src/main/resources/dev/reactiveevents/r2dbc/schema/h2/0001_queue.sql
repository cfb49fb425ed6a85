-- no CHECK of the status: H2 2.4 evaluates an IN of a constraint in the session that created it, closed or not
CREATE TABLE IF NOT EXISTS ${table} (
    event_id UUID PRIMARY KEY,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    channel VARCHAR(63) NOT NULL,
    type VARCHAR(255),
    event_key VARCHAR(255),
    payload CLOB NOT NULL,
    metadata CLOB,
    status VARCHAR(6) DEFAULT 'ready' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    lapses INTEGER DEFAULT 0 NOT NULL,
    lease_token UUID,
    leased_by VARCHAR,
    deliver_at TIMESTAMP(6) WITH TIME ZONE NOT NULL,
    available_at TIMESTAMP(6) WITH TIME ZONE,
    created_at TIMESTAMP(6) WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP(6) WITH TIME ZONE,
    last_error CLOB,
    with_key TINYINT GENERATED ALWAYS AS (CASE WHEN event_key IS NULL THEN 0 ELSE 1 END),
    open_key VARCHAR(255) GENERATED ALWAYS AS (CASE WHEN available_at IS NOT NULL THEN event_key END),
    held_key VARCHAR(255) GENERATED ALWAYS AS (CASE WHEN status = 'leased' THEN event_key END),
    dead_key VARCHAR(255) GENERATED ALWAYS AS (CASE WHEN status = 'dead' THEN event_key END)
);

-- what a claim walks, in the order in which events are due
CREATE INDEX IF NOT EXISTS ${table:claim} ON ${table} (channel, with_key, available_at, seq);

-- how a claim goes from key to key: each key's first event comes first
CREATE INDEX IF NOT EXISTS ${table:keys} ON ${table} (channel, open_key, seq);

-- nobody gets an event while another one of its key is leased
CREATE UNIQUE INDEX IF NOT EXISTS ${table:held} ON ${table} (channel, held_key);

-- dead letters that may hold back others of their key
CREATE INDEX IF NOT EXISTS ${table:parked} ON ${table} (channel, dead_key, seq);

-- events that may be what ends their consumers: few
CREATE INDEX IF NOT EXISTS ${table:suspect} ON ${table} (channel, lapses);

-- what the janitor removes, and dead letters, latest first
CREATE INDEX IF NOT EXISTS ${table:acked} ON ${table} (status, settled_at);
CREATE INDEX IF NOT EXISTS ${table:dead} ON ${table} (channel, status, settled_at);

-- one row for the version of these tables, one to lock for each task that one does for all
CREATE TABLE IF NOT EXISTS ${table:maintenance} (
    task VARCHAR(16) PRIMARY KEY,
    version INTEGER NOT NULL
);

INSERT INTO ${table:maintenance} (task, version)
    SELECT task, version FROM (VALUES ('schema', 1), ('janitor', 0), ('claim', 0)) AS tasks (task, version)
    WHERE task NOT IN (SELECT task FROM ${table:maintenance});
