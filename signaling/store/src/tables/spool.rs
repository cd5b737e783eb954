//! Webhooks that wait to be delivered: one row for each URL and event.

use crate::{Change, Row, Store, StoreError, Value};

/// One event on its way to one URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spooled {
    /// Where it goes.
    pub url: String,
    /// Rises with every event; unique for a URL.
    pub id: u64,
    /// Events of one room are delivered in order.
    pub room: String,
    /// The event's name, such as `room_started`.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// When it happened, in milliseconds since 1970.
    pub created_ms: u64,
}

impl Spooled {
    /// The change that adds it.
    pub fn add(&self) -> Change {
        let values = [
            self.url.as_str().into(),
            self.id.into(),
            self.room.as_str().into(),
            self.kind.as_str().into(),
            self.body.as_str().into(),
            self.created_ms.into(),
        ];
        Change::new(
            "INSERT INTO hook_spool (url, id, room, kind, body, created_ms) VALUES ($1, $2, $3, $4, $5, $6)",
            values,
        )
    }

    /// The change that takes it off.
    pub fn take(url: &str, id: u64) -> Change {
        Change::new("DELETE FROM hook_spool WHERE url = $1 AND id = $2", [url.into(), id.into()])
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            url: row.text(0)?.to_owned(),
            id: row.count(1)?,
            room: row.text(2)?.to_owned(),
            kind: row.text(3)?.to_owned(),
            body: row.text(4)?.to_owned(),
            created_ms: row.count(5)?,
        })
    }
}

/// The URLs for which something waits, with how much.
///
/// # Errors
/// See [`StoreError`].
pub async fn urls(store: &Store) -> Result<Vec<(String, u64)>, StoreError> {
    let rows = store.rows("SELECT url, count(*) FROM hook_spool GROUP BY url ORDER BY url", []).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.count(1)?))).collect()
}

/// The highest id there is, 0 when there is none.
///
/// # Errors
/// See [`StoreError`].
pub async fn last_id(store: &Store) -> Result<u64, StoreError> {
    let rows = store.rows("SELECT id FROM hook_spool ORDER BY id DESC LIMIT 1", []).await?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// What waits for a URL, oldest first, after `id` and at most `count`.
///
/// # Errors
/// See [`StoreError`].
pub async fn waiting(store: &Store, url: &str, id: u64, count: u64) -> Result<Vec<Spooled>, StoreError> {
    let sql = "SELECT url, id, room, kind, body, created_ms FROM hook_spool
        WHERE url = $1 AND id > $2 ORDER BY id LIMIT $3";
    let values: [Value; 3] = [url.into(), id.into(), count.into()];
    store.rows(sql, values).await?.iter().map(Spooled::read).collect()
}

/// Takes everything off that waits for a URL; answers how much it was.
///
/// # Errors
/// See [`StoreError`].
pub async fn forget(store: &Store, url: &str) -> Result<u64, StoreError> {
    let gone = store.commit(vec![Change::new("DELETE FROM hook_spool WHERE url = $1", [url.into()])]).await?;
    Ok(gone.first().copied().unwrap_or_default())
}
