//! Lists of calls: filtered, sorted, page by page.

use super::call::{Call, select};
use crate::{Store, StoreError, Value};

/// What a list is sorted by; calls of the same moment are sorted by their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CallSort {
    /// When they were made.
    #[default]
    Created,
    /// When they are planned to begin; those without a plan have the time 0.
    Starts,
}

/// Where calls stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallState {
    /// Not ended, and planned to begin after the list's moment.
    Upcoming,
    /// Live.
    Live,
    /// Behind the curtain.
    Backstage,
    /// Over.
    Ended,
}

/// Which calls, in which order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallQuery {
    /// Only of this type, unless empty.
    pub kind: String,
    /// Only made by this user, unless empty.
    pub created_by: String,
    /// Only those that this user is a member of, unless empty.
    pub member: String,
    /// Only those that stand here.
    pub state: Option<CallState>,
    /// Only planned to begin at this time or later; 0 is any.
    pub starts_from_ms: u64,
    /// Only planned to begin before this time; 0 is any.
    pub starts_before_ms: u64,
    /// What it is sorted by.
    pub sort: CallSort,
    /// The latest first.
    pub descending: bool,
    /// Only what comes behind the call with this time and id.
    pub after: Option<(u64, String)>,
    /// At most so many.
    pub count: u64,
    /// The moment of the question, in milliseconds since 1970.
    pub now_ms: u64,
}

/// The condition common to all lists. A number compared with itself is typed by a cast, since PostgreSQL asks for one.
macro_rules! filtered {
    ($order:literal) => {
        select!(
            "WHERE ($1 = '' OR kind = $1) AND ($2 = '' OR created_by = $2)
            AND ($3 = '' OR id IN (SELECT call FROM call_member WHERE member = $3))
            AND (CAST($4 AS BIGINT) < 0 OR phase = CAST($4 AS BIGINT))
            AND (CAST($5 AS BIGINT) = 0 OR starts_ms >= CAST($5 AS BIGINT))
            AND (CAST($6 AS BIGINT) = 0 OR (starts_ms < CAST($6 AS BIGINT) AND starts_ms > 0))
            AND (CAST($7 AS BIGINT) = 0 OR phase <> 2) ",
            $order
        )
    };
}

impl CallQuery {
    fn values(&self) -> Vec<Value> {
        let phase: i64 = match self.state {
            None | Some(CallState::Upcoming) => -1,
            Some(CallState::Backstage) => 0,
            Some(CallState::Live) => 1,
            Some(CallState::Ended) => 2,
        };
        let upcoming = self.state == Some(CallState::Upcoming);
        let from_ms = if upcoming { self.starts_from_ms.max(self.now_ms.max(1)) } else { self.starts_from_ms };
        // Behind nothing comes everything.
        let (time, id) = match (&self.after, self.descending) {
            (Some((time, id)), _) => (Value::from(*time), id.as_str()),
            (None, false) => (Value::from(-1_i64), ""),
            (None, true) => (Value::from(i64::MAX), ""),
        };
        vec![
            self.kind.as_str().into(),
            self.created_by.as_str().into(),
            self.member.as_str().into(),
            phase.into(),
            from_ms.into(),
            self.starts_before_ms.into(),
            upcoming.into(),
            time,
            id.into(),
            self.count.into(),
        ]
    }
}

/// The calls that a query finds.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store, query: &CallQuery) -> Result<Vec<Call>, StoreError> {
    let sql = match (query.sort, query.descending) {
        (CallSort::Created, false) => {
            filtered!("AND (created_ms, id) > (CAST($8 AS BIGINT), $9) ORDER BY created_ms, id LIMIT $10")
        }
        (CallSort::Created, true) => {
            filtered!("AND (created_ms, id) < (CAST($8 AS BIGINT), $9) ORDER BY created_ms DESC, id DESC LIMIT $10")
        }
        (CallSort::Starts, false) => {
            filtered!("AND (starts_ms, id) > (CAST($8 AS BIGINT), $9) ORDER BY starts_ms, id LIMIT $10")
        }
        (CallSort::Starts, true) => {
            filtered!("AND (starts_ms, id) < (CAST($8 AS BIGINT), $9) ORDER BY starts_ms DESC, id DESC LIMIT $10")
        }
    };
    store.rows(sql, query.values()).await?.iter().map(Call::read).collect()
}
