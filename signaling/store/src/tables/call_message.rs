//! What was written in calls' chats.

use crate::{Change, Store, StoreError};

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallMessage {
    /// The call's id.
    pub call: String,
    /// Rises with every message of the call.
    pub id: u64,
    /// Who wrote it.
    pub sender: String,
    /// What was written.
    pub body: String,
    /// JSON; the store does not look inside.
    pub custom: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

impl CallMessage {
    /// The change that adds it; [`StoreError::Conflict`] when the id is there already.
    pub fn add(&self) -> Change {
        let values = [
            self.call.as_str().into(),
            self.id.into(),
            self.sender.as_str().into(),
            self.body.as_str().into(),
            self.custom.as_str().into(),
            self.created_ms.into(),
        ];
        Change::new(
            "INSERT INTO call_message (call, id, sender, body, custom, created_ms) VALUES ($1, $2, $3, $4, $5, $6)",
            values,
        )
    }

    /// The change that removes one; [`StoreError::Conflict`] when it is not there.
    pub fn remove(call: &str, id: u64) -> Change {
        Change::new("DELETE FROM call_message WHERE call = $1 AND id = $2", [call.into(), id.into()]).or_conflict()
    }
}

/// The newest messages of a call that are older than `before`, newest first, at most `count`.
///
/// # Errors
/// See [`StoreError`].
pub async fn before(store: &Store, call: &str, before: u64, count: u64) -> Result<Vec<CallMessage>, StoreError> {
    let sql = "SELECT call, id, sender, body, custom, created_ms FROM call_message
        WHERE call = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    let rows = store.rows(sql, [call.into(), before.into(), count.into()]).await?;
    let read = |row: &crate::Row| {
        let text = |column| row.text(column).map(str::to_owned);
        Ok(CallMessage {
            call: text(0)?,
            id: row.count(1)?,
            sender: text(2)?,
            body: text(3)?,
            custom: text(4)?,
            created_ms: row.count(5)?,
        })
    };
    rows.iter().map(read).collect()
}
