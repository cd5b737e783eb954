//! Users of calls.

use crate::{Change, Row, Store, StoreError};

/// One user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallUser {
    /// Unique.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The address of a picture.
    pub image: String,
    /// What it is where a call does not say otherwise.
    pub role: String,
    /// JSON; the store does not look inside.
    pub custom: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub updated_ms: u64,
}

impl CallUser {
    /// The change that adds it, or replaces all but id and time of creation.
    pub fn put(&self) -> Change {
        let sql = "INSERT INTO call_user (id, name, image, role, custom, created_ms, updated_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET name = excluded.name,
            image = excluded.image, role = excluded.role, custom = excluded.custom, updated_ms = excluded.updated_ms";
        let text = |text: &String| text.as_str().into();
        Change::new(
            sql,
            [
                text(&self.id),
                text(&self.name),
                text(&self.image),
                text(&self.role),
                text(&self.custom),
                self.created_ms.into(),
                self.updated_ms.into(),
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let text = |column| row.text(column).map(str::to_owned);
        Ok(Self {
            id: text(0)?,
            name: text(1)?,
            image: text(2)?,
            role: text(3)?,
            custom: text(4)?,
            created_ms: row.count(5)?,
            updated_ms: row.count(6)?,
        })
    }
}

/// The user with an id.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_id(store: &Store, id: &str) -> Result<Option<CallUser>, StoreError> {
    let sql = "SELECT id, name, image, role, custom, created_ms, updated_ms FROM call_user WHERE id = $1";
    store.rows(sql, [id.into()]).await?.first().map(CallUser::read).transpose()
}

/// Users in the order of their ids, after `id` and at most `count`.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store, id: &str, count: u64) -> Result<Vec<CallUser>, StoreError> {
    let sql = "SELECT id, name, image, role, custom, created_ms, updated_ms FROM call_user
        WHERE id > $1 ORDER BY id LIMIT $2";
    store.rows(sql, [id.into(), count.into()]).await?.iter().map(CallUser::read).collect()
}
