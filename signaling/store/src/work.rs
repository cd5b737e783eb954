//! What waits to be done by a database's threads.

use tokio::sync::{mpsc, oneshot};

use crate::{Change, Row, StoreError, Value};

/// Commits and queries that wait for one thread; beyond, [`StoreError::IoBusy`].
pub(crate) const WAITING_MAX: usize = 4096;
/// Commits that share one write to the disk.
pub(crate) const GROUP_MAX: usize = 256;
/// Rows of one answer; what is beyond is cut off. Statements that may find more page by themselves.
pub(crate) const ROWS_MAX: usize = 20_000;

/// The answer to a commit: how many rows each of its changes touched.
pub(crate) type Touched = Result<Vec<u64>, StoreError>;
/// The answer to a query.
pub(crate) type Found = Result<Vec<Row>, StoreError>;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// All changes or none.
    Commit(Commit),
    /// Rows.
    Query(Query),
}

/// Changes that come about together or not at all.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) changes: Vec<Change>,
    pub(crate) done: oneshot::Sender<Touched>,
}

/// A question.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) done: oneshot::Sender<Found>,
}

impl Commit {
    pub(crate) fn answer(self, touched: Touched) {
        // Who does not wait any more needs no answer.
        let _ = self.done.send(touched);
    }
}

impl Query {
    pub(crate) fn answer(self, found: Found) {
        let _ = self.done.send(found);
    }
}

/// Adds to a first commit those that wait behind it, up to [`GROUP_MAX`]; a query ends the group and is handed back.
pub(crate) fn group(first: Commit, waiting: &mut mpsc::Receiver<Work>) -> (Vec<Commit>, Option<Query>) {
    let mut commits = vec![first];
    while commits.len() < GROUP_MAX {
        match waiting.try_recv() {
            Ok(Work::Commit(commit)) => commits.push(commit),
            Ok(Work::Query(query)) => return (commits, Some(query)),
            Err(_) => break,
        }
    }
    (commits, None)
}
