//! Ingresses: where foreign media may come in. Their stream keys are sealed.

use std::fmt;

use crate::{Change, Row, Store, StoreError, Vault};

/// A question for ingresses, its columns in the order of [`Ingress::read`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, room, identity, key_sealed, settings, state, created_ms, updated_ms FROM ingress ",
            $rest
        )
    };
}

/// One ingress.
#[derive(Clone, PartialEq, Eq)]
pub struct Ingress {
    /// `IN_` and more; unique.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The room that its media goes to.
    pub room: String,
    /// The identity of its participant.
    pub identity: String,
    /// What a sender must know; unique.
    pub stream_key: String,
    /// Settings as JSON; the store does not look inside.
    pub settings: String,
    /// Its state as JSON; the store does not look inside.
    pub state: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub updated_ms: u64,
}

impl Ingress {
    /// The change that adds it; [`StoreError::Conflict`] when id or stream key are there already.
    ///
    /// # Errors
    /// The stream key cannot be sealed.
    pub fn add(&self, vault: &Vault) -> Result<Change, StoreError> {
        let sql = "INSERT INTO ingress (id, name, room, identity, key_tag, key_sealed, settings, state, created_ms,
            updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        Ok(Change::new(sql, [self.values(vault)?, vec![self.created_ms.into(), self.updated_ms.into()]].concat()))
    }

    /// The change that replaces all but id and time of creation; [`StoreError::Conflict`] when it is gone.
    ///
    /// # Errors
    /// The stream key cannot be sealed.
    pub fn replace(&self, vault: &Vault) -> Result<Change, StoreError> {
        let sql =
            "UPDATE ingress SET name = $2, room = $3, identity = $4, key_tag = $5, key_sealed = $6, settings = $7,
            state = $8, updated_ms = $9 WHERE id = $1";
        Ok(Change::new(sql, [self.values(vault)?, vec![self.updated_ms.into()]].concat()).or_conflict())
    }

    /// The change that sets the state alone; [`StoreError::Conflict`] when the ingress is gone.
    pub fn set_state(id: &str, state: &str, updated_ms: u64) -> Change {
        let sql = "UPDATE ingress SET state = $2, updated_ms = $3 WHERE id = $1";
        Change::new(sql, [id.into(), state.into(), updated_ms.into()]).or_conflict()
    }

    /// The change that removes it; [`StoreError::Conflict`] when it is gone.
    pub fn remove(id: &str) -> Change {
        Change::new("DELETE FROM ingress WHERE id = $1", [id.into()]).or_conflict()
    }

    fn values(&self, vault: &Vault) -> Result<Vec<crate::Value>, StoreError> {
        Ok(vec![
            self.id.as_str().into(),
            self.name.as_str().into(),
            self.room.as_str().into(),
            self.identity.as_str().into(),
            vault.tag(&self.stream_key).into(),
            vault.seal(&self.id, &self.stream_key)?.into(),
            self.settings.as_str().into(),
            self.state.as_str().into(),
        ])
    }

    fn read(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let id = row.text(0)?.to_owned();
        Ok(Self {
            stream_key: vault.open(&id, row.bytes(4)?)?,
            id,
            name: row.text(1)?.to_owned(),
            room: row.text(2)?.to_owned(),
            identity: row.text(3)?.to_owned(),
            settings: row.text(5)?.to_owned(),
            state: row.text(6)?.to_owned(),
            created_ms: row.count(7)?,
            updated_ms: row.count(8)?,
        })
    }
}

/// The stream key is not shown.
impl fmt::Debug for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingress").field("id", &self.id).field("room", &self.room).finish_non_exhaustive()
    }
}

/// The ingress with an id.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_id(store: &Store, id: &str) -> Result<Option<Ingress>, StoreError> {
    one(store, select!("WHERE id = $1"), id.into()).await
}

/// The ingress with a stream key. The key itself is in no question and no index: its tag is looked for.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_stream_key(store: &Store, key: &str) -> Result<Option<Ingress>, StoreError> {
    one(store, select!("WHERE key_tag = $1"), store.vault().tag(key).into()).await
}

/// Ingresses in the order of their ids, after `id` and at most `count`; of one room if one is given.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store, room: Option<&str>, id: &str, count: u64) -> Result<Vec<Ingress>, StoreError> {
    let rows = match room {
        Some(room) => {
            let values = [id.into(), count.into(), room.into()];
            store.rows(select!("WHERE id > $1 AND room = $3 ORDER BY id LIMIT $2"), values).await?
        }
        None => store.rows(select!("WHERE id > $1 ORDER BY id LIMIT $2"), [id.into(), count.into()]).await?,
    };
    rows.iter().map(|row| Ingress::read(row, store.vault())).collect()
}

async fn one(store: &Store, sql: &'static str, value: crate::Value) -> Result<Option<Ingress>, StoreError> {
    let rows = store.rows(sql, [value]).await?;
    rows.first().map(|row| Ingress::read(row, store.vault())).transpose()
}
