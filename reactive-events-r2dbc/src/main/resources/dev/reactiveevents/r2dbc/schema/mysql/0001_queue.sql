-- All times are UTC. Payloads are JSON in the text that was published: the type JSON of MySQL would round great numbers, that
-- of MariaDB refuses deep ones. The generated columns are there for the indexes: lane is 0 for what is to be done without a
-- key, 1 with a key, 2 for what is acked and 3 for dead letters; lane_at orders a lane.
CREATE TABLE IF NOT EXISTS ${table} (
    seq BIGINT NOT NULL AUTO_INCREMENT,
    event_id BINARY(16) NOT NULL,
    channel VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(255),
    event_key VARBINARY(1020),
    payload LONGTEXT NOT NULL,
    metadata LONGTEXT,
    status VARCHAR(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'ready',
    attempts INTEGER NOT NULL DEFAULT 0,
    lapses INTEGER NOT NULL DEFAULT 0,
    lease_token BINARY(16),
    leased_by TEXT,
    deliver_at DATETIME(6) NOT NULL,
    available_at DATETIME(6),
    created_at DATETIME(6) NOT NULL,
    settled_at DATETIME(6),
    last_error LONGTEXT,
    lane TINYINT GENERATED ALWAYS AS (
        CASE WHEN status = 'acked' THEN 2 WHEN status = 'dead' THEN 3 WHEN event_key IS NULL THEN 0 ELSE 1 END) STORED,
    lane_at DATETIME(6) GENERATED ALWAYS AS (
        CASE WHEN status = 'acked' OR status = 'dead' THEN settled_at ELSE available_at END) STORED,
    key_lane TINYINT GENERATED ALWAYS AS (
        CASE WHEN event_key IS NULL THEN NULL WHEN available_at IS NOT NULL THEN 1 WHEN status = 'dead' THEN 3 END) STORED,
    held_key VARBINARY(1020) GENERATED ALWAYS AS (CASE WHEN status = 'leased' THEN event_key END) STORED,
    lapsed INTEGER GENERATED ALWAYS AS (CASE WHEN lapses > 0 AND available_at IS NOT NULL THEN lapses END) STORED,
    PRIMARY KEY (seq),
    UNIQUE KEY ${name:event} (event_id),
    -- what a claim walks, in the order in which events are due; what the janitor removes; dead letters in order
    KEY ${name:claim} (channel, lane, lane_at, seq),
    -- how a claim goes from key to key: of each key the first event comes first; dead letters that may hold back others
    KEY ${name:keys} (channel, key_lane, event_key, seq),
    -- nobody gets an event while another one of its key is leased
    UNIQUE KEY ${name:held} (channel, held_key),
    -- events that may be what ends their consumers: few
    KEY ${name:suspect} (channel, lapsed)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- one row for the version of these tables, one to lock for each task that one process does for all
CREATE TABLE IF NOT EXISTS ${table:maintenance} (
    task VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) ENGINE = InnoDB;

INSERT INTO ${table:maintenance} (task, version) VALUES ('schema', 1), ('janitor', 0)
    ON DUPLICATE KEY UPDATE version = version;
