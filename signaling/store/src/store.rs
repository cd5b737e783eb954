//! The store as its users see it: commits and questions, whatever the database.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::value::check;
use crate::work::{Commit, Query, WAITING_MAX, Work};
use crate::{Change, OpenError, Place, Row, StoreError, Value, Vault, lock, postgres, sqlite};

/// How long a commit or a query may take, waiting included. Beyond, its fate is unknown.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the one store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    place: Place,
    writer: mpsc::Sender<Work>,
    reader: mpsc::Sender<Work>,
    vault: Vault,
    counters: Arc<Counters>,
    /// Held until the last handle is gone.
    _lock: Option<File>,
}

/// What the store did since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Commits that came about.
    pub commits: u64,
    /// Writes to the disk that they shared.
    pub groups: u64,
    /// Queries answered.
    pub queries: u64,
    /// Commits and queries that failed, conflicts not counted.
    pub failures: u64,
    /// Commits and queries refused because too many waited.
    pub refused: u64,
}

/// Where a database's threads count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) queries: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

impl Store {
    /// Opens the store and brings its tables up to date. `tls` verifies a PostgreSQL server that is asked for with
    /// `sslmode=require`.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what to do.
    pub async fn open(place: Place, tls: Option<Arc<rustls::ClientConfig>>) -> Result<Self, OpenError> {
        let counters = Arc::new(Counters::default());
        let (writer, writes) = mpsc::channel(WAITING_MAX);
        let (folder, vault) = match &place {
            Place::Memory => (None, Vault::passing()?),
            Place::Folder(folder) | Place::Postgres { folder, .. } => (Some(lock::lock(folder)?), Vault::of(folder)?),
        };
        let reader = match &place {
            Place::Memory => {
                sqlite::Writer::open(None)?.spawn(writes, Arc::clone(&counters))?;
                writer.clone()
            }
            Place::Folder(folder) => {
                sqlite::Writer::open(Some(folder))?.spawn(writes, Arc::clone(&counters))?;
                let (reader, reads) = mpsc::channel(WAITING_MAX);
                sqlite::spawn_reader(folder, reads, Arc::clone(&counters))?;
                reader
            }
            Place::Postgres { url, .. } => {
                let (reader, reads) = mpsc::channel(WAITING_MAX);
                postgres::spawn(url, tls, writes, reads, Arc::clone(&counters)).await?;
                reader
            }
        };
        Ok(Self(Arc::new(Inner { place, writer, reader, vault, counters, _lock: folder })))
    }

    /// Carries out all changes or none, and returns when they are on disk: how many rows each touched.
    ///
    /// # Errors
    /// See [`StoreError`]. After [`StoreError::IoUnavailable`] the changes may be there all the same.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Vec<u64>, StoreError> {
        changes.iter().try_for_each(Change::check)?;
        let (done, answer) = oneshot::channel();
        self.ask(&self.0.writer, Work::Commit(Commit { changes, done }), answer).await
    }

    /// The rows that a statement finds, at most 20 000. Every commit answered before is seen.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn rows(&self, sql: &'static str, values: impl Into<Vec<Value>>) -> Result<Vec<Row>, StoreError> {
        let values = values.into();
        check(&values)?;
        let (done, answer) = oneshot::channel();
        self.ask(&self.0.reader, Work::Query(Query { sql, values, done }), answer).await
    }

    /// Seals secrets for rows.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What it did since the start.
    pub fn counts(&self) -> Counts {
        let counters = &self.0.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            commits: read(&counters.commits),
            groups: read(&counters.groups),
            queries: read(&counters.queries),
            failures: read(&counters.failures),
            refused: read(&counters.refused),
        }
    }

    async fn ask<T>(
        &self,
        queue: &mpsc::Sender<Work>,
        work: Work,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let counters = &self.0.counters;
        if queue.try_send(work).is_err() {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::IoBusy);
        }
        let answer = match timeout(COMMIT_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::IoUnavailable("its thread has ended".into())),
            Err(_) => Err(StoreError::IoUnavailable(format!("no answer within {} s", COMMIT_TIMEOUT.as_secs()))),
        };
        if answer.as_ref().is_err_and(|error| *error != StoreError::Conflict) {
            counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.place).finish()
    }
}
