//! Tokens that are void: those of an identity in a room that were issued before a moment.

use crate::work::ROWS_MAX;
use crate::{Change, Row, Store, StoreError};

/// Tokens of `identity` for `room` that were issued before `issued_before_s` are void.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// The room; empty is every room.
    pub room: String,
    /// The identity; empty is everybody.
    pub identity: String,
    /// Seconds since 1970.
    pub issued_before_s: u64,
}

impl Revocation {
    /// The change that notes it. A later moment wins over an earlier one.
    pub fn put(&self) -> Change {
        let sql = "INSERT INTO revocation (room, identity, issued_before_s) VALUES ($1, $2, $3)
            ON CONFLICT (room, identity) DO UPDATE SET issued_before_s = excluded.issued_before_s
            WHERE revocation.issued_before_s < excluded.issued_before_s";
        Change::new(sql, [self.room.as_str().into(), self.identity.as_str().into(), self.issued_before_s.into()])
    }

    /// The change that forgets all of a moment before `before_s`: no token that old can still be valid.
    pub fn forget(before_s: u64) -> Change {
        Change::new("DELETE FROM revocation WHERE issued_before_s < $1", [before_s.into()])
    }

    /// The change that forgets all but the latest 20 000, which is how many are read.
    pub fn forget_surplus() -> Change {
        let sql = "DELETE FROM revocation WHERE issued_before_s < (
            SELECT issued_before_s FROM revocation ORDER BY issued_before_s DESC LIMIT 1 OFFSET $1)";
        Change::new(sql, [u64::try_from(ROWS_MAX - 1).unwrap_or(u64::MAX).into()])
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let (room, identity) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(Self { room, identity, issued_before_s: row.count(2)? })
    }
}

/// All revocations, at most 20 000, the latest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn all(store: &Store) -> Result<Vec<Revocation>, StoreError> {
    let sql = "SELECT room, identity, issued_before_s FROM revocation ORDER BY issued_before_s DESC, room, identity";
    store.rows(sql, []).await?.iter().map(Revocation::read).collect()
}

/// The moment before which the tokens of an identity for a room are void: the latest of its own, the room's, the
/// identity's in all rooms, and everybody's. `None`: none of them.
///
/// # Errors
/// See [`StoreError`].
pub async fn issued_before(store: &Store, room: &str, identity: &str) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT issued_before_s FROM revocation
        WHERE room IN ($1, '') AND identity IN ($2, '') ORDER BY issued_before_s DESC LIMIT 1";
    let rows = store.rows(sql, [room.into(), identity.into()]).await?;
    rows.first().map(|row| row.count(0)).transpose()
}
