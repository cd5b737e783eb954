//! Call types that were made or changed; those that are as they were built in have no row.

use crate::{Change, Store, StoreError};

/// One call type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallType {
    /// Unique.
    pub name: String,
    /// JSON; the store does not look inside.
    pub body: String,
    /// Milliseconds since 1970.
    pub updated_ms: u64,
}

impl CallType {
    /// The change that adds or replaces it.
    pub fn put(&self) -> Change {
        let sql = "INSERT INTO call_type (name, body, updated_ms) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET body = excluded.body, updated_ms = excluded.updated_ms";
        Change::new(sql, [self.name.as_str().into(), self.body.as_str().into(), self.updated_ms.into()])
    }

    /// The change that forgets one, whatever calls it has; [`StoreError::Conflict`] when it is not there.
    pub fn forget(name: &str) -> Change {
        Change::new("DELETE FROM call_type WHERE name = $1", [name.into()]).or_conflict()
    }

    /// The change that removes one; [`StoreError::Conflict`] when it is not there, or a call has it.
    pub fn remove(name: &str) -> Change {
        let sql = "DELETE FROM call_type WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM call WHERE kind = $1)";
        Change::new(sql, [name.into()]).or_conflict()
    }
}

/// All of them, at most 20 000.
///
/// # Errors
/// See [`StoreError`].
pub async fn all(store: &Store) -> Result<Vec<CallType>, StoreError> {
    let rows = store.rows("SELECT name, body, updated_ms FROM call_type ORDER BY name", []).await?;
    let read = |row: &crate::Row| {
        Ok(CallType { name: row.text(0)?.to_owned(), body: row.text(1)?.to_owned(), updated_ms: row.count(2)? })
    };
    rows.iter().map(read).collect()
}
