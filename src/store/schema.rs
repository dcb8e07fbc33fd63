//! The tables, and the migration of an older file. Forward only: each step runs once, in one transaction.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::database::{APPLICATION_ID, setting};
use super::{StoreError, backup};

/// Step `n` makes schema `n` out of schema `n - 1`. A step that has been published is never changed.
const STEPS: &[&str] = &[
    "
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
",
    "
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
",
    "
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
",
    "
    -- What Agent Connect tells of surveys, as it tells it.
    CREATE TABLE survey_result (
        uuid     TEXT    PRIMARY KEY,
        sequence INTEGER NOT NULL,
        body     TEXT    NOT NULL,
        changed  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX survey_result_by_sequence ON survey_result (sequence);
",
    "
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
",
    "
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
",
    "
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
",
    "
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
",
    "
    -- What came is written once, however often something is noted about it. Both tables are made anew, because SQLite would
    -- keep a page for each shortened row.
    DROP INDEX inbox_waiting;
    DROP INDEX inbox_by_source;
    DROP INDEX inbox_by_subject;
    DROP INDEX inbox_by_age;
    DROP INDEX inbox_failed;
    ALTER TABLE inbox RENAME TO inbox_whole;
    CREATE TABLE inbox (
        seq          INTEGER PRIMARY KEY AUTOINCREMENT,
        source       TEXT    NOT NULL,
        dedupe       BLOB    NOT NULL UNIQUE CHECK (length(dedupe) = 32),
        received_at  INTEGER NOT NULL,
        subject      TEXT,
        processed_at INTEGER,
        error        TEXT
    ) STRICT;
    CREATE TABLE inbox_body (
        seq     INTEGER PRIMARY KEY REFERENCES inbox (seq) ON DELETE CASCADE,
        headers TEXT    NOT NULL,
        body    BLOB    NOT NULL
    ) STRICT;
    INSERT INTO inbox SELECT seq, source, dedupe, received_at, subject, processed_at, error FROM inbox_whole;
    INSERT INTO inbox_body SELECT seq, headers, body FROM inbox_whole;
    -- A place is never given twice, also if the last event is gone.
    DELETE FROM sqlite_sequence WHERE name = 'inbox';
    INSERT INTO sqlite_sequence SELECT 'inbox', seq FROM sqlite_sequence WHERE name = 'inbox_whole';
    DROP TABLE inbox_whole;
    CREATE INDEX inbox_waiting ON inbox (source, seq) WHERE processed_at IS NULL;
    CREATE INDEX inbox_failed ON inbox (seq) WHERE error IS NOT NULL;
    CREATE INDEX inbox_by_source ON inbox (source, seq) WHERE processed_at IS NOT NULL;
    CREATE INDEX inbox_by_subject ON inbox (subject) WHERE subject IS NOT NULL AND processed_at IS NOT NULL;
    CREATE INDEX inbox_by_age ON inbox (received_at) WHERE processed_at IS NOT NULL AND error IS NULL;
",
    "
    -- The type of an event, where it is none that we know: it waits for a version that does.
    ALTER TABLE inbox ADD COLUMN unknown_type TEXT;
    CREATE INDEX inbox_unknown ON inbox (source, unknown_type, seq) WHERE unknown_type IS NOT NULL;
",
    "
    -- Sign-ins that have not ended. A browser's key is kept as its hash, and the person's token sealed under that key.
    CREATE TABLE sign_in (
        key     BLOB    PRIMARY KEY CHECK (length(key) = 32),
        agent   INTEGER NOT NULL,
        name    TEXT    NOT NULL,
        team    INTEGER,
        began   INTEGER NOT NULL,
        used    INTEGER NOT NULL,
        address TEXT,
        browser TEXT,
        token   BLOB    NOT NULL,
        granted TEXT    NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Which interactions a survey request asks about, by every name that they have: a customer is asked once about each.
    CREATE TABLE asked (
        interaction TEXT NOT NULL,
        request     TEXT NOT NULL REFERENCES outbox (id),
        PRIMARY KEY (interaction, request)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX asked_by_request ON asked (request);
    INSERT OR IGNORE INTO asked
    SELECT trim(name), id FROM (
        SELECT id, json_extract(body, '$.ext_interaction_id') AS name FROM outbox WHERE kind = 'agentConnect.request'
        UNION ALL
        SELECT id, json_extract(context, '$.conversation') FROM outbox WHERE kind = 'agentConnect.request'
        UNION ALL
        SELECT id, CAST(json_extract(context, '$.session') AS TEXT) FROM outbox WHERE kind = 'agentConnect.request'
    ) WHERE trim(name) <> '';
",
    "
    -- Who acted is told apart: by what they are, agent number, name, address and sign-in, each of which is looked for. What
    -- older entries said in one text is taken apart as it was put together. An outcome may be refused, by this server.
    DROP TRIGGER audit_is_kept;
    DROP TRIGGER audit_is_completed_once;
    DROP INDEX audit_open;
    ALTER TABLE audit RENAME TO audit_old;
    CREATE TABLE audit (
        seq     INTEGER PRIMARY KEY AUTOINCREMENT,
        at      INTEGER NOT NULL,
        kind    TEXT    NOT NULL CHECK (kind IN ('user', 'display', 'program', 'system', 'unknown')),
        agent   INTEGER,
        name    TEXT,
        address TEXT,
        sign_in TEXT,
        what    TEXT    NOT NULL,
        entity  TEXT    NOT NULL,
        before  TEXT    NOT NULL,
        after   TEXT    NOT NULL,
        ended   INTEGER,
        outcome TEXT    CHECK (outcome IN ('accepted', 'rejected', 'refused', 'failed', 'unknown')),
        reason  TEXT,
        CHECK ((ended IS NULL) = (outcome IS NULL))
    ) STRICT;
    INSERT INTO audit
    SELECT seq, at,
        CASE
            WHEN who IN ('somebody', 'the demo') THEN 'unknown'
            WHEN who IN ('callboard', 'Callboard') THEN 'system'
            WHEN who IN ('callboard erase', 'callboard wallboard-token') THEN 'program'
            WHEN who GLOB 'display *' THEN 'display'
            ELSE 'user'
        END,
        CASE WHEN is_agent THEN number END,
        CASE
            WHEN who IN ('somebody', 'callboard', 'Callboard') THEN NULL
            WHEN who GLOB 'display *' THEN substr(who, 9)
            WHEN NOT is_agent THEN who
            WHEN who GLOB '* (*)' THEN substr(who, instr(who, ' (') + 2, length(who) - instr(who, ' (') - 2)
        END,
        CASE WHEN what IN ('sign-in', 'sign-in.refused') THEN json_extract(after, '$.address') END,
        NULL, what, entity, before, after, ended, outcome, reason
    FROM (
        SELECT *, who = 'agent ' || number OR who GLOB 'agent ' || number || ' (*)' AS is_agent
        FROM (SELECT *, CAST(substr(who, 7) AS INTEGER) AS number FROM audit_old)
    ) ORDER BY seq;
    -- A number is never given twice, also if the last entry is gone.
    DELETE FROM sqlite_sequence WHERE name = 'audit';
    INSERT INTO sqlite_sequence SELECT 'audit', seq FROM sqlite_sequence WHERE name = 'audit_old';
    DROP TABLE audit_old;
    CREATE INDEX audit_open ON audit (seq) WHERE ended IS NULL;
    CREATE INDEX audit_by_time ON audit (at);
    CREATE INDEX audit_by_agent ON audit (agent, at) WHERE agent IS NOT NULL;
    CREATE INDEX audit_by_name ON audit (name, at) WHERE name IS NOT NULL;
    CREATE INDEX audit_by_address ON audit (address, at) WHERE address IS NOT NULL;
    CREATE INDEX audit_by_action ON audit (what, at);
    CREATE INDEX audit_by_target ON audit (entity, at);
    CREATE INDEX audit_by_outcome ON audit (outcome, at);
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;
    CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit
    WHEN OLD.ended IS NOT NULL
        OR (NEW.seq, NEW.at, NEW.kind, NEW.agent, NEW.name, NEW.address, NEW.sign_in, NEW.what, NEW.entity, NEW.before,
            NEW.after)
        IS NOT (OLD.seq, OLD.at, OLD.kind, OLD.agent, OLD.name, OLD.address, OLD.sign_in, OLD.what, OLD.entity, OLD.before,
            OLD.after)
    BEGIN SELECT RAISE(ABORT, 'a line of the audit is completed once and never changed'); END;
",
    "
    -- A display's token may be good for the first browser that uses it alone. Older tokens may be on many screens already.
    ALTER TABLE display ADD COLUMN bound INTEGER NOT NULL DEFAULT 0 CHECK (bound IN (0, 1));
    -- The last uses of each display's code or token.
    CREATE TABLE display_use (
        seq     INTEGER PRIMARY KEY,
        display TEXT    NOT NULL REFERENCES display (id),
        at      INTEGER NOT NULL,
        way     TEXT    NOT NULL,
        address TEXT,
        browser TEXT    NOT NULL,
        outcome TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX display_use_by_display ON display_use (display, seq);
",
    "
    -- Columns are named in the words of the API, and request states are those of the API too: a request that only a person
    -- sends needs review or is a dry run, and no longer a failed one without an attempt.
    ALTER TABLE audit RENAME COLUMN what TO action;
    ALTER TABLE audit RENAME COLUMN entity TO target;
    ALTER TABLE erased RENAME TO suppression;
    ALTER TABLE suppression RENAME COLUMN mark TO hash;
    ALTER TABLE display RENAME COLUMN made_by TO created_by;
    ALTER TABLE display RENAME COLUMN used TO last_seen;
    ALTER TABLE display_use RENAME TO display_login;
    ALTER TABLE display_login RENAME COLUMN way TO credential;
    UPDATE display_login SET outcome = 'already-paired' WHERE outcome = 'already-in';
    UPDATE display_login SET outcome = 'revoked' WHERE outcome = 'shut-out';
    DROP INDEX display_use_by_display;
    CREATE INDEX display_login_by_display ON display_login (display, seq);

    ALTER TABLE memory RENAME TO feed_state;
    ALTER TABLE feed_state RENAME COLUMN thing TO key;
    ALTER TABLE feed_state RENAME COLUMN what TO value;
    DROP INDEX memory_by_age;
    CREATE INDEX feed_state_by_age ON feed_state (changed);
    UPDATE feed_state SET kind = 'noted.wroteAfterErasure' WHERE kind = 'noted.cameBack';
    UPDATE feed_state SET kind = 'surveys.skipped',
        value = json_remove(json_set(value, '$.reason', 'skipped' || CASE substr(json_extract(value, '$.why'), 9)
            WHEN 'TooLongAgo' THEN 'TooOld'
            WHEN 'ConversationGone' THEN 'ConversationNotFound'
            WHEN 'SessionGone' THEN 'SessionNotFound'
            WHEN 'CustomerGone' THEN 'CustomerNotFound'
            WHEN 'NeverEnded' THEN 'NotEnded'
            WHEN 'ClaritySilent' THEN 'ClarityUnavailable'
            WHEN 'NobodyAssigned' THEN 'NoAssignee'
            WHEN 'UnassignedMeanwhile' THEN 'Unassigned'
            ELSE substr(json_extract(value, '$.why'), 9)
        END), '$.why')
    WHERE kind = 'surveys.unasked';

    DROP INDEX outbox_by_kind;
    DROP INDEX outbox_due;
    DROP INDEX outbox_by_age;
    ALTER TABLE outbox RENAME TO outbox_old;
    CREATE TABLE outbox (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        id       TEXT    NOT NULL UNIQUE,
        key      TEXT    NOT NULL UNIQUE,
        kind     TEXT    NOT NULL,
        body     TEXT    NOT NULL,
        context  TEXT    NOT NULL,
        state    TEXT    NOT NULL CHECK (state IN ('queued', 'sent', 'accepted', 'rejected', 'failed', 'unknown',
                         'needsReview', 'dryRun')),
        reason   TEXT,
        answer   TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        created  INTEGER NOT NULL,
        changed  INTEGER NOT NULL,
        due      INTEGER,
        erased   INTEGER
    ) STRICT;
    INSERT INTO outbox
    SELECT seq, id, key, iif(kind = 'goodays.deed', 'goodays.action', kind), body, context,
        CASE
            WHEN state = 'failed' AND attempt = 0 AND due IS NULL
                THEN iif(json_extract(context, '$.dryRun'), 'dryRun', 'needsReview')
            WHEN state = 'new' THEN 'queued'
            WHEN state = 'sending' THEN 'sent'
            ELSE state
        END,
        reason, answer, attempt, created, changed, due, emptied
    FROM outbox_old ORDER BY seq;
    CREATE TABLE survey_interaction (
        interaction TEXT NOT NULL,
        request     TEXT NOT NULL REFERENCES outbox (id),
        PRIMARY KEY (interaction, request)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO survey_interaction SELECT interaction, request FROM asked;
    CREATE INDEX survey_interaction_by_request ON survey_interaction (request);
    DROP TABLE asked;
    -- A number is never given twice, also if the last request is gone.
    DELETE FROM sqlite_sequence WHERE name = 'outbox';
    INSERT INTO sqlite_sequence SELECT 'outbox', seq FROM sqlite_sequence WHERE name = 'outbox_old';
    DROP TABLE outbox_old;
    CREATE INDEX outbox_by_kind ON outbox (kind, seq);
    CREATE INDEX outbox_due ON outbox (kind, due) WHERE due IS NOT NULL;
    CREATE INDEX outbox_by_age ON outbox (changed) WHERE erased IS NULL;

    -- Who asked is kept once, as the actor. An older version kept no more than a name.
    UPDATE outbox SET context = json_set(context, '$.actor', json_object('kind', 'unknown', 'name',
            coalesce(json_extract(context, '$.by'), nullif(json_extract(context, '$.who'), 'somebody'))))
        WHERE json_type(context, '$.actor') IS NULL
        AND coalesce(json_extract(context, '$.by'), json_extract(context, '$.who')) IS NOT NULL;
    UPDATE outbox SET context = json_set(context, '$.revision', json_extract(context, '$.stand'))
        WHERE json_type(context, '$.stand') IS NOT NULL;
    UPDATE outbox SET context = json_set(context, '$.origin', 'manual')
        WHERE json_extract(context, '$.origin') = 'byHand';
    UPDATE outbox SET context = json_remove(context, '$.by', '$.who', '$.stand', '$.dryRun') WHERE context <> '{}';
    UPDATE outbox SET body = json_object('target', json_extract(body, '$.entity'), 'action', json_extract(body, '$.deed'))
        WHERE kind LIKE 'clarity.%' AND json_type(body, '$.deed') IS NOT NULL;
",
];

/// Migrates the file to the newest schema, after a backup of it.
pub(super) fn migrate(connection: &mut Connection, path: &Path, backup_dir: &Path) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found =
        setting(connection, "user_version")?.parse().map_err(|_| StoreError::Unreadable { what: "schema version" })?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found > 0 && found < known {
        backup::before_schema(path, backup_dir, found, known)?;
    }
    for (version, step) in (1_i64..).zip(STEPS).skip_while(|(version, _)| *version <= found) {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change.execute_batch(step)?;
        change.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"))?;
        change.commit()?;
    }
    Ok(())
}

/// The newest schema.
#[cfg(test)]
pub(super) const NEWEST: usize = STEPS.len();

/// A file as an older Callboard left it.
#[cfg(test)]
pub(super) fn write_old(dir: &Path, version: usize) {
    let file = super::database::open_to_write(&dir.join(super::database::FILE)).expect("a file");
    for step in &STEPS[..version] {
        file.execute_batch(step).expect("a step");
    }
    file.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"))
        .expect("marked");
}
