-- All times are UTC. The virtual columns are there for the indexes: lane is 0 for what is to be done without a key, 1 with a
-- key, 2 for what is acked and 3 for dead letters; lane_at orders a lane. Of each key at most one held_key is not null. The
-- numbers of two instances are in the order in which they were asked for, because the order of a key depends on it.
DECLARE
  e_exists EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
BEGIN
  EXECUTE IMMEDIATE q'[
    CREATE TABLE ${table} (
      seq          NUMBER(19) GENERATED ALWAYS AS IDENTITY (CACHE 1000 ORDER),
      event_id     VARCHAR2(36 BYTE) NOT NULL,
      channel      VARCHAR2(63 BYTE) NOT NULL,
      type         VARCHAR2(255 CHAR),
      event_key    VARCHAR2(255 CHAR),
      payload      CLOB NOT NULL,
      metadata     CLOB,
      status       VARCHAR2(6 BYTE) DEFAULT 'ready' NOT NULL,
      attempts     NUMBER(9) DEFAULT 0 NOT NULL,
      lapses       NUMBER(9) DEFAULT 0 NOT NULL,
      lease_token  VARCHAR2(36 BYTE),
      leased_by    VARCHAR2(4000 BYTE),
      deliver_at   TIMESTAMP(6) NOT NULL,
      available_at TIMESTAMP(6),
      created_at   TIMESTAMP(6) NOT NULL,
      settled_at   TIMESTAMP(6),
      last_error   CLOB,
      lane         NUMBER(1) GENERATED ALWAYS AS (
        CASE WHEN status = 'acked' THEN 2 WHEN status = 'dead' THEN 3 WHEN event_key IS NULL THEN 0 ELSE 1 END),
      lane_at      TIMESTAMP(6) GENERATED ALWAYS AS (
        CASE WHEN status = 'acked' THEN settled_at WHEN status = 'dead' THEN settled_at ELSE available_at END),
      key_lane     NUMBER(1) GENERATED ALWAYS AS (
        CASE WHEN event_key IS NULL THEN NULL WHEN available_at IS NOT NULL THEN 1 WHEN status = 'dead' THEN 3 END),
      held_key     VARCHAR2(319 CHAR) GENERATED ALWAYS AS (
        CASE WHEN status = 'leased' AND event_key IS NOT NULL THEN channel || '/' || event_key END),
      suspect_of   VARCHAR2(63 BYTE) GENERATED ALWAYS AS (
        CASE WHEN lapses > 0 AND available_at IS NOT NULL THEN channel END),
      PRIMARY KEY (seq))]';
EXCEPTION
  WHEN e_exists THEN NULL;
END;
/

-- the same event is stored once
DECLARE
  e_exists  EXCEPTION;
  e_indexed EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
  PRAGMA EXCEPTION_INIT(e_indexed, -1408);
BEGIN
  EXECUTE IMMEDIATE q'[CREATE UNIQUE INDEX ${table:event} ON ${table} (event_id)]';
EXCEPTION
  WHEN e_exists OR e_indexed THEN NULL;
END;
/

-- what a claim walks, in the order in which events are due; what the janitor removes; dead letters in order
DECLARE
  e_exists  EXCEPTION;
  e_indexed EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
  PRAGMA EXCEPTION_INIT(e_indexed, -1408);
BEGIN
  EXECUTE IMMEDIATE q'[CREATE INDEX ${table:claim} ON ${table} (channel, lane, lane_at, seq) INITRANS 10]';
EXCEPTION
  WHEN e_exists OR e_indexed THEN NULL;
END;
/

-- how a claim goes from key to key: of each key the first event comes first; dead letters that may hold back others
DECLARE
  e_exists  EXCEPTION;
  e_indexed EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
  PRAGMA EXCEPTION_INIT(e_indexed, -1408);
BEGIN
  EXECUTE IMMEDIATE q'[CREATE INDEX ${table:keys} ON ${table} (channel, key_lane, event_key, seq)]';
EXCEPTION
  WHEN e_exists OR e_indexed THEN NULL;
END;
/

-- nobody gets an event while another one of its key is leased; one column, because (channel, null) would be in an index
DECLARE
  e_exists  EXCEPTION;
  e_indexed EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
  PRAGMA EXCEPTION_INIT(e_indexed, -1408);
BEGIN
  EXECUTE IMMEDIATE q'[CREATE UNIQUE INDEX ${table:held} ON ${table} (held_key)]';
EXCEPTION
  WHEN e_exists OR e_indexed THEN NULL;
END;
/

-- events that may be what ends their consumers: few
DECLARE
  e_exists  EXCEPTION;
  e_indexed EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
  PRAGMA EXCEPTION_INIT(e_indexed, -1408);
BEGIN
  EXECUTE IMMEDIATE q'[CREATE INDEX ${table:suspect} ON ${table} (suspect_of)]';
EXCEPTION
  WHEN e_exists OR e_indexed THEN NULL;
END;
/

-- one row for the version of these tables, one to lock for each task that one process does for all
DECLARE
  e_exists EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_exists, -955);
BEGIN
  EXECUTE IMMEDIATE q'[
    CREATE TABLE ${table:maintenance} (
      task    VARCHAR2(16 BYTE) PRIMARY KEY,
      version NUMBER(9) NOT NULL)]';
EXCEPTION
  WHEN e_exists THEN NULL;
END;
/

-- only if it was asked for, and where the server has it: what is not licensed is left out
DECLARE
  l_settings   VARCHAR2(100) := '${settings}';
  e_no_feature EXCEPTION;
  PRAGMA EXCEPTION_INIT(e_no_feature, -439);
BEGIN
  IF l_settings = 'in_memory = 1' THEN
    EXECUTE IMMEDIATE q'[ALTER TABLE ${table} INMEMORY PRIORITY HIGH]';
  END IF;
EXCEPTION
  WHEN e_no_feature THEN NULL;
END;
/

BEGIN
  MERGE INTO ${table:maintenance} m
  USING (SELECT 'schema' AS task, 1 AS version FROM dual UNION ALL SELECT 'janitor', 0 FROM dual) n
  ON (m.task = n.task)
  WHEN NOT MATCHED THEN INSERT (task, version) VALUES (n.task, n.version);
  COMMIT;
END;
/
