CREATE TABLE IF NOT EXISTS ${table} (
    event_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    channel varchar(63) COLLATE "C" NOT NULL,
    type varchar(255),
    event_key varchar(255) COLLATE "C",
    payload jsonb NOT NULL,
    metadata jsonb,
    status varchar(6) COLLATE "C" NOT NULL DEFAULT 'ready' CHECK (status IN ('ready', 'leased', 'acked', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    lapses integer NOT NULL DEFAULT 0,
    lease_token uuid,
    leased_by text,
    deliver_at timestamptz NOT NULL,
    available_at timestamptz,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    last_error text
) WITH (${settings});

-- what a claim walks, in the order in which events are due
CREATE INDEX IF NOT EXISTS ${name:claim} ON ${table} (channel, available_at, seq)
    WHERE event_key IS NULL AND available_at IS NOT NULL;

-- the same for events with a key
CREATE INDEX IF NOT EXISTS ${name:keyed} ON ${table} (channel, available_at, seq)
    WHERE event_key IS NOT NULL AND available_at IS NOT NULL;

-- how a claim goes from key to key: each key's first event comes first; what is leased is in the next index instead
CREATE INDEX IF NOT EXISTS ${name:keys} ON ${table} (channel, event_key, seq)
    WHERE event_key IS NOT NULL AND status = 'ready';

-- nobody gets an event while another one of its key is leased
CREATE UNIQUE INDEX IF NOT EXISTS ${name:held} ON ${table} (channel, event_key)
    WHERE event_key IS NOT NULL AND status = 'leased';

-- dead letters that may hold back others of their key
CREATE INDEX IF NOT EXISTS ${name:parked} ON ${table} (channel, event_key, seq)
    WHERE event_key IS NOT NULL AND status = 'dead';

-- events that may be what ends their consumers: few
CREATE INDEX IF NOT EXISTS ${name:suspect} ON ${table} (channel, available_at, seq)
    WHERE lapses > 0 AND available_at IS NOT NULL;

-- what the janitor removes
CREATE INDEX IF NOT EXISTS ${name:acked} ON ${table} (settled_at) WHERE status = 'acked';

-- dead letters, latest first
CREATE INDEX IF NOT EXISTS ${name:dead} ON ${table} (channel, settled_at) WHERE status = 'dead';

-- one row for the version of these tables, one to lock for each task that one process does for all
CREATE TABLE IF NOT EXISTS ${table:maintenance} (
    task varchar(16) PRIMARY KEY,
    version integer NOT NULL
);

INSERT INTO ${table:maintenance} (task, version) VALUES ('schema', 1), ('janitor', 0) ON CONFLICT DO NOTHING;
