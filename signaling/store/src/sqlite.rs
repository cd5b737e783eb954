//! SQLite: one thread that writes, one that reads.
//!
//! The journal is a write-ahead log and every commit waits for the disk (`synchronous = FULL`), so that neither a killed
//! process nor a cut wire loses what was answered.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use tokio::sync::mpsc::Receiver;

use crate::store::Counters;
use crate::value::{Change, Row, Value};
use crate::work::{self, Commit, Query, ROWS_MAX, Work};
use crate::{OpenError, StoreError, schema};

/// The database's name in the folder.
const FILE: &str = "thalweg.db";
/// Prepared statements kept by each thread; there are fewer.
const STATEMENTS_KEPT: usize = 128;
/// Settings of the writer. The reader is only kept from waiting for ever while the log is folded back.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 16777216;";
const READER: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

/// The connection that changes things.
pub(crate) struct Writer(Connection);

impl Writer {
    /// Opens the database of a folder, or one in memory, and brings its tables up to date.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
        let connection = match folder {
            Some(folder) => Connection::open(folder.join(FILE)),
            None => Connection::open_in_memory(),
        };
        let connection = connection.map_err(database)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection.execute_batch(WRITER).map_err(database)?;
        migrate(&connection)?;
        Ok(Self(connection))
    }

    /// Works until all senders are gone.
    pub(crate) fn spawn(self, mut works: Receiver<Work>, counters: Arc<Counters>) -> Result<(), OpenError> {
        begin_thread("store-writer", move || {
            let mut next = None;
            while let Some(work) = next.take().or_else(|| works.blocking_recv()) {
                match work {
                    Work::Query(query) => answer(&self.0, query, &counters),
                    Work::Commit(first) => {
                        let (commits, query) = work::group(first, &mut works);
                        self.carry_out(commits, &counters);
                        next = query.map(Work::Query);
                    }
                }
            }
        })
    }

    fn carry_out(&self, commits: Vec<Commit>, counters: &Counters) {
        let mut results = Vec::with_capacity(commits.len());
        let whole = self.0.execute_batch("BEGIN IMMEDIATE").map_err(|error| failure(&error)).and_then(|()| {
            for commit in &commits {
                results.push(self.change(&commit.changes)?);
            }
            self.0.execute_batch("COMMIT").map_err(|error| failure(&error))
        });
        match whole {
            Ok(()) => {
                counters.groups.fetch_add(1, Ordering::Relaxed);
                for (commit, result) in commits.into_iter().zip(results) {
                    counters.commits.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
                    commit.answer(result);
                }
            }
            Err(error) => {
                tracing::error!(%error, "the store could not write");
                // Without a transaction there is nothing to roll back.
                let _ = self.0.execute_batch("ROLLBACK");
                commits.into_iter().for_each(|commit| commit.answer(Err(error.clone())));
            }
        }
    }

    /// One commit of a group: the outer error is of the group, the inner of this commit alone.
    fn change(&self, changes: &[Change]) -> Result<work::Touched, StoreError> {
        let run = |sql| self.0.execute_batch(sql).map_err(|error| failure(&error));
        run("SAVEPOINT one")?;
        let touched: work::Touched = changes.iter().map(|change| self.touch(change)).collect();
        if touched.is_err() {
            run("ROLLBACK TO one")?;
        }
        run("RELEASE one")?;
        match touched {
            // A full disk or a broken file concerns all.
            Err(error @ StoreError::IoUnavailable(_)) => Err(error),
            other => Ok(other),
        }
    }

    fn touch(&self, change: &Change) -> Result<u64, StoreError> {
        let mut statement = self.0.prepare_cached(&schema::for_sqlite(change.sql)).map_err(|error| failure(&error))?;
        let touched = statement.execute(params_from_iter(&change.values)).map_err(|error| failure(&error))?;
        if change.must_touch && touched == 0 {
            return Err(StoreError::Conflict);
        }
        Ok(touched as u64)
    }
}

/// Opens a second connection that only reads.
pub(crate) fn spawn_reader(folder: &Path, mut works: Receiver<Work>, counters: Arc<Counters>) -> Result<(), OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join(FILE), flags).map_err(database)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.execute_batch(READER).map_err(database)?;
    begin_thread("store-reader", move || {
        while let Some(work) = works.blocking_recv() {
            match work {
                Work::Query(query) => answer(&connection, query, &counters),
                Work::Commit(commit) => commit.answer(Err(StoreError::IoRefused("this thread only reads".into()))),
            }
        }
    })
}

fn begin_thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    let begun = thread::Builder::new().name(name.into()).spawn(body);
    begun.map(drop).map_err(|error| OpenError::IoDatabase(format!("no thread: {error}")))
}

fn answer(connection: &Connection, query: Query, counters: &Counters) {
    let found = find(connection, &query);
    counters.queries.fetch_add(u64::from(found.is_ok()), Ordering::Relaxed);
    query.answer(found);
}

fn find(connection: &Connection, query: &Query) -> work::Found {
    let statement = connection.prepare_cached(&schema::for_sqlite(query.sql));
    let mut statement = statement.map_err(|error| failure(&error))?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(&query.values)).map_err(|error| failure(&error))?;
    let mut found = Vec::new();
    while found.len() < ROWS_MAX {
        let Some(row) = rows.next().map_err(|error| failure(&error))? else { break };
        let values = (0..columns).map(|column| row.get_ref(column).map(value).map_err(|error| failure(&error)));
        found.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No column of ours holds fractions.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn migrate(connection: &Connection) -> Result<(), OpenError> {
    connection.execute_batch(&schema::for_sqlite(schema::VERSION_TABLE)).map_err(database)?;
    let version = connection.query_row(schema::VERSION, [], |row| row.get(0));
    let version: i64 = match version {
        Ok(version) => version,
        Err(rusqlite::Error::QueryReturnedNoRows) => 0,
        Err(error) => return Err(database(error)),
    };
    let newer = OpenError::ConfigNewer { found: version, known: schema::newest() };
    for (step, number) in schema::missing(version).ok_or(newer)?.iter().zip(version + 1..) {
        let text = format!("BEGIN; {} {}; COMMIT", schema::for_sqlite(step), schema::set_version(number));
        connection.execute_batch(&text).map_err(database)?;
    }
    Ok(())
}

fn database(error: rusqlite::Error) -> OpenError {
    OpenError::IoDatabase(error.to_string())
}

fn failure(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict,
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::DatabaseBusy
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::CannotOpen,
        ) => StoreError::IoUnavailable(error.to_string()),
        _ => StoreError::IoRefused(error.to_string()),
    }
}
