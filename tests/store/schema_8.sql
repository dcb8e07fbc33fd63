-- The schema of version 8, in which an event and its body were one row.
CREATE TABLE inbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    source       TEXT    NOT NULL,
    dedupe       BLOB    NOT NULL UNIQUE CHECK (length(dedupe) = 32),
    received_at  INTEGER NOT NULL,
    headers      TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    processed_at INTEGER,
    error        TEXT
) STRICT;
CREATE INDEX inbox_by_source ON inbox (source, seq);
CREATE INDEX inbox_waiting ON inbox (seq) WHERE processed_at IS NULL;
CREATE INDEX inbox_failed ON inbox (seq) WHERE error IS NOT NULL;

CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT    NOT NULL UNIQUE,
    key     TEXT    NOT NULL UNIQUE,
    kind    TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    context TEXT    NOT NULL,
    state   TEXT    NOT NULL CHECK (state IN ('new', 'sending', 'accepted', 'rejected', 'failed', 'unknown')),
    reason  TEXT,
    answer  TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    due     INTEGER
) STRICT;
CREATE INDEX outbox_by_kind ON outbox (kind, seq);
CREATE INDEX outbox_due ON outbox (kind, due) WHERE due IS NOT NULL;

CREATE TABLE cursor (
    name    TEXT    PRIMARY KEY,
    value   TEXT    NOT NULL,
    changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    entity  TEXT    NOT NULL,
    before  TEXT    NOT NULL,
    after   TEXT    NOT NULL,
    ended   INTEGER,
    outcome TEXT    CHECK (outcome IN ('accepted', 'rejected', 'failed', 'unknown')),
    reason  TEXT,
    CHECK ((ended IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX audit_open ON audit (seq) WHERE ended IS NULL;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;
CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit
WHEN OLD.ended IS NOT NULL OR (NEW.seq, NEW.at, NEW.who, NEW.what, NEW.entity, NEW.before, NEW.after)
    IS NOT (OLD.seq, OLD.at, OLD.who, OLD.what, OLD.entity, OLD.before, OLD.after)
BEGIN SELECT RAISE(ABORT, 'a line of the audit is completed once and never changed'); END;
-- What customers said, in our own words: what came with webhooks outlives these.
CREATE TABLE feedback (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    response  TEXT    NOT NULL UNIQUE,
    document  TEXT    NOT NULL,
    newest    INTEGER NOT NULL
) STRICT;
CREATE INDEX feedback_by_age ON feedback (newest);

-- Whom or what an event is about, in the sender's numbering.
ALTER TABLE inbox ADD COLUMN subject TEXT;
CREATE INDEX inbox_by_subject ON inbox (subject) WHERE subject IS NOT NULL;
CREATE INDEX inbox_by_age ON inbox (received_at);
-- Everything is read once more, and then into the table above.
UPDATE inbox SET processed_at = NULL, error = NULL WHERE source = 'goodays';
DELETE FROM cursor WHERE name = 'goodays.understood';

-- Events that are gone: one that comes again is still known.
CREATE TABLE tombstone (
    dedupe  BLOB    PRIMARY KEY CHECK (length(dedupe) = 32),
    removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who was erased, as a mark that tells nobody who it was.
CREATE TABLE erased (
    mark BLOB    PRIMARY KEY CHECK (length(mark) = 32),
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE outbox ADD COLUMN emptied INTEGER;
CREATE INDEX outbox_by_age ON outbox (changed) WHERE emptied IS NULL;
CREATE INDEX audit_by_age ON audit (at);
-- What Agent Connect tells of surveys, as it tells it.
CREATE TABLE survey_result (
    uuid     TEXT    PRIMARY KEY,
    sequence INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    changed  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX survey_result_by_sequence ON survey_result (sequence);
-- What feeds must know of things that go on.
CREATE TABLE memory (
    kind    TEXT    NOT NULL,
    thing   TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (kind, thing)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_by_age ON memory (changed);
-- What has been acted on is marked one by one.
DELETE FROM cursor WHERE name = 'kustomer.understood';
-- What is remembered of sessions: the telephony system forgets them when they end, and feedback comes days later.
CREATE TABLE session (
    session      INTEGER PRIMARY KEY,
    began        INTEGER NOT NULL,
    ended        INTEGER,
    queue        INTEGER,
    agent        INTEGER,
    conversation TEXT,
    person       TEXT
) STRICT;
CREATE INDEX session_by_age ON session (began);

-- Which session a person says a response is about, and who.
ALTER TABLE feedback ADD COLUMN pinned INTEGER;
ALTER TABLE feedback ADD COLUMN pinned_by TEXT;
CREATE INDEX feedback_pinned ON feedback (response) WHERE pinned IS NOT NULL;
-- Screens on the wall. A token is kept as its hash, and so is the key that a browser had for it.
CREATE TABLE display (
    id      TEXT    PRIMARY KEY,
    token   BLOB    NOT NULL CHECK (length(token) = 32),
    board   TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    made_by TEXT    NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER,
    used    INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE display_key (
    key     BLOB    PRIMARY KEY CHECK (length(key) = 32),
    display TEXT    NOT NULL REFERENCES display (id),
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX display_key_by_display ON display_key (display);
-- Whoever sends an event waits until it is in each of its indexes: those that only what is understood needs are left
-- to the moment when it is.
DROP INDEX inbox_by_source;
DROP INDEX inbox_waiting;
DROP INDEX inbox_by_subject;
DROP INDEX inbox_by_age;
CREATE INDEX inbox_waiting ON inbox (source, seq) WHERE processed_at IS NULL;
CREATE INDEX inbox_by_source ON inbox (source, seq) WHERE processed_at IS NOT NULL;
CREATE INDEX inbox_by_subject ON inbox (subject) WHERE subject IS NOT NULL AND processed_at IS NOT NULL;
CREATE INDEX inbox_by_age ON inbox (received_at) WHERE processed_at IS NOT NULL AND error IS NULL;
PRAGMA application_id = 0x43414C42;
PRAGMA user_version = 8;
