//! The tables, and how an older database becomes a newer one. One text for both databases.
//!
//! A step, once released, is never changed: a new one is added below it. The words common to both are `BIGINT`,
//! `TEXT` and `BLOB`; [`for_sqlite`] and [`for_postgres`] translate the rest.

/// Steps in order; the version of a database is how many of them it has.
pub(crate) const STEPS: &[&str] = &[
    // 1: webhooks that wait, tokens that are void, ingresses.
    "CREATE TABLE hook_spool (
        url TEXT NOT NULL,
        id BIGINT NOT NULL,
        room TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        PRIMARY KEY (url, id)
    );
    CREATE TABLE revocation (
        room TEXT NOT NULL,
        identity TEXT NOT NULL,
        issued_before_s BIGINT NOT NULL,
        PRIMARY KEY (room, identity)
    );
    CREATE TABLE ingress (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        room TEXT NOT NULL,
        identity TEXT NOT NULL,
        key_tag BLOB NOT NULL UNIQUE,
        key_sealed BLOB NOT NULL,
        settings TEXT NOT NULL,
        state TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL
    );
    CREATE INDEX ingress_room ON ingress (room, id);",
    // 2: calls. A call's id is its type and its name with a colon between. 0 stands for no time.
    "CREATE TABLE call_user (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        image TEXT NOT NULL,
        role TEXT NOT NULL,
        custom TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL
    );
    CREATE TABLE call_type (
        name TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL,
        updated_ms BIGINT NOT NULL
    );
    CREATE TABLE call (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        created_by TEXT NOT NULL,
        phase BIGINT NOT NULL,
        starts_ms BIGINT NOT NULL,
        first_join_ms BIGINT NOT NULL,
        live_ms BIGINT NOT NULL,
        ended_ms BIGINT NOT NULL,
        deadline_ms BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        settings TEXT NOT NULL,
        custom TEXT NOT NULL,
        pins TEXT NOT NULL,
        ingress TEXT NOT NULL
    );
    CREATE INDEX call_created ON call (created_ms, id);
    CREATE INDEX call_starts ON call (starts_ms, id);
    CREATE INDEX call_deadline ON call (deadline_ms, id);
    CREATE TABLE call_member (
        call TEXT NOT NULL,
        member TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (call, member)
    );
    CREATE INDEX call_member_of ON call_member (member, call);
    CREATE TABLE call_exception (
        call TEXT NOT NULL,
        member TEXT NOT NULL,
        more BIGINT NOT NULL,
        less BIGINT NOT NULL,
        asked BIGINT NOT NULL,
        blocked BIGINT NOT NULL,
        PRIMARY KEY (call, member)
    );
    CREATE TABLE call_message (
        call TEXT NOT NULL,
        id BIGINT NOT NULL,
        sender TEXT NOT NULL,
        body TEXT NOT NULL,
        custom TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        PRIMARY KEY (call, id)
    );",
];

/// Makes the table that holds the version.
pub(crate) const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
/// Asks for the version; no row is 0.
pub(crate) const VERSION: &str = "SELECT version FROM schema_version";

/// The newest version that this program knows.
pub(crate) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The steps that a database of `version` lacks; `None` when it is newer than this program.
pub(crate) fn missing(version: i64) -> Option<&'static [&'static str]> {
    STEPS.get(usize::try_from(version).ok()?..)
}

/// Sets the version.
pub(crate) fn set_version(version: i64) -> String {
    format!("DELETE FROM schema_version; INSERT INTO schema_version (version) VALUES ({version})")
}

/// A statement in SQLite's words. Numbered values are `?1` there, and tables hold to their types.
pub(crate) fn for_sqlite(sql: &str) -> String {
    sql.replace('$', "?").replace("BIGINT", "INTEGER").replace("\n    );", "\n    ) STRICT;")
}

/// A statement in PostgreSQL's words.
pub(crate) fn for_postgres(sql: &str) -> String {
    sql.replace("BLOB", "BYTEA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_database_gets_what_it_lacks() {
        assert_eq!(missing(0).map(<[_]>::len), Some(STEPS.len()));
        assert_eq!(missing(newest()).map(<[_]>::len), Some(0));
        assert_eq!(missing(newest() + 1), None);
        assert_eq!(missing(-1), None);
    }

    #[test]
    fn every_table_is_strict_in_sqlite() {
        for step in STEPS {
            let text = for_sqlite(step);
            assert_eq!(text.matches("CREATE TABLE").count(), text.matches(") STRICT;").count());
        }
    }
}
