//! Calls, who belongs to them, and what holds for single users in them.

use std::collections::BTreeMap;

use crate::{Change, Row, Store, StoreError, Value};

/// A question for calls, its columns in the order of [`Call::read`].
macro_rules! select {
    ($($rest:expr),*) => {
        concat!(
            "SELECT id, kind, created_by, phase, starts_ms, first_join_ms, live_ms, ended_ms, deadline_ms, created_ms,
            updated_ms, settings, custom, pins, ingress FROM call ",
            $($rest),*
        )
    };
}
pub(super) use select;

/// One call. A time of 0 is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// The type and the call's own name, with a colon between; unique.
    pub id: String,
    /// The call type's name.
    pub kind: String,
    /// Who made it.
    pub created_by: String,
    /// 0 backstage, 1 live, 2 ended.
    pub phase: u64,
    /// When it is planned to begin, in milliseconds since 1970.
    pub starts_ms: u64,
    /// When somebody came in first.
    pub first_join_ms: u64,
    /// When it last went live.
    pub live_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// When it must end at the latest.
    pub deadline_ms: u64,
    /// When it was made.
    pub created_ms: u64,
    /// When any of this changed.
    pub updated_ms: u64,
    /// JSON; the store does not look inside.
    pub settings: String,
    /// JSON; the store does not look inside.
    pub custom: String,
    /// JSON; the store does not look inside.
    pub pins: String,
    /// The id of its ingress, or nothing.
    pub ingress: String,
}

/// What holds for one user in one call, beside its role. Sets of capabilities are numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallException {
    /// Granted.
    pub more: u32,
    /// Taken.
    pub less: u32,
    /// Asked for.
    pub asked: u32,
    /// Sent out.
    pub blocked: bool,
}

impl Call {
    /// The change that adds it; [`StoreError::Conflict`] when the id is there already.
    pub fn add(&self) -> Change {
        let sql =
            "INSERT INTO call (id, kind, created_by, created_ms, phase, starts_ms, first_join_ms, live_ms, ended_ms,
            deadline_ms, updated_ms, settings, custom, pins, ingress)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let who: Vec<Value> = vec![
            self.id.as_str().into(),
            self.kind.as_str().into(),
            self.created_by.as_str().into(),
            self.created_ms.into(),
        ];
        Change::new(sql, [who, self.values()].concat())
    }

    /// The change that replaces all that may change; [`StoreError::Conflict`] when it is gone.
    pub fn replace(&self) -> Change {
        let sql = "UPDATE call SET phase = $2, starts_ms = $3, first_join_ms = $4, live_ms = $5, ended_ms = $6,
            deadline_ms = $7, updated_ms = $8, settings = $9, custom = $10, pins = $11, ingress = $12 WHERE id = $1";
        Change::new(sql, [vec![self.id.as_str().into()], self.values()].concat()).or_conflict()
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.phase.into(),
            self.starts_ms.into(),
            self.first_join_ms.into(),
            self.live_ms.into(),
            self.ended_ms.into(),
            self.deadline_ms.into(),
            self.updated_ms.into(),
            self.settings.as_str().into(),
            self.custom.as_str().into(),
            self.pins.as_str().into(),
            self.ingress.as_str().into(),
        ]
    }

    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let text = |column| row.text(column).map(str::to_owned);
        Ok(Self {
            id: text(0)?,
            kind: text(1)?,
            created_by: text(2)?,
            phase: row.count(3)?,
            starts_ms: row.count(4)?,
            first_join_ms: row.count(5)?,
            live_ms: row.count(6)?,
            ended_ms: row.count(7)?,
            deadline_ms: row.count(8)?,
            created_ms: row.count(9)?,
            updated_ms: row.count(10)?,
            settings: text(11)?,
            custom: text(12)?,
            pins: text(13)?,
            ingress: text(14)?,
        })
    }
}

impl CallException {
    /// The change that notes what holds for a user, or that nothing does.
    pub fn put(self, call: &str, member: &str) -> Change {
        if self == Self::default() {
            let sql = "DELETE FROM call_exception WHERE call = $1 AND member = $2";
            return Change::new(sql, [call.into(), member.into()]);
        }
        let sql =
            "INSERT INTO call_exception (call, member, more, less, asked, blocked) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (call, member) DO UPDATE SET more = excluded.more, less = excluded.less, asked = excluded.asked,
            blocked = excluded.blocked";
        let bits = |bits: u32| Value::from(u64::from(bits));
        let values =
            [call.into(), member.into(), bits(self.more), bits(self.less), bits(self.asked), self.blocked.into()];
        Change::new(sql, values)
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        // What is written is never larger.
        let bits = |column| Ok(u32::try_from(row.count(column)?).unwrap_or_default());
        Ok(Self { more: bits(1)?, less: bits(2)?, asked: bits(3)?, blocked: row.count(4)? != 0 })
    }
}

/// The change that makes somebody a member with a role.
pub fn put_member(call: &str, member: &str, role: &str) -> Change {
    let sql = "INSERT INTO call_member (call, member, role) VALUES ($1, $2, $3)
        ON CONFLICT (call, member) DO UPDATE SET role = excluded.role";
    Change::new(sql, [call.into(), member.into(), role.into()])
}

/// The change that makes somebody a member no longer.
pub fn remove_member(call: &str, member: &str) -> Change {
    Change::new("DELETE FROM call_member WHERE call = $1 AND member = $2", [call.into(), member.into()])
}

/// The call with an id.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_id(store: &Store, id: &str) -> Result<Option<Call>, StoreError> {
    let rows = store.rows(select!("WHERE id = $1"), [id.into()]).await?;
    rows.first().map(Call::read).transpose()
}

/// The members of a call with their roles.
///
/// # Errors
/// See [`StoreError`].
pub async fn members(store: &Store, call: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = store.rows("SELECT member, role FROM call_member WHERE call = $1", [call.into()]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// What holds for single users in a call.
///
/// # Errors
/// See [`StoreError`].
pub async fn exceptions(store: &Store, call: &str) -> Result<BTreeMap<String, CallException>, StoreError> {
    let sql = "SELECT member, more, less, asked, blocked FROM call_exception WHERE call = $1";
    let rows = store.rows(sql, [call.into()]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), CallException::read(row)?))).collect()
}

/// The ids of calls that should have ended by now, the most overdue first, at most `count`.
///
/// # Errors
/// See [`StoreError`].
pub async fn overdue(store: &Store, now_ms: u64, count: u64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM call WHERE deadline_ms > 0 AND deadline_ms <= $1 ORDER BY deadline_ms, id LIMIT $2";
    let rows = store.rows(sql, [now_ms.into(), count.into()]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
