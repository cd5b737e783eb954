//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

/// Why a commit or a query failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A row that must not be there is there, or one that must be there is not. Nothing was changed.
    #[error("the row conflicts with one that is there, or is gone")]
    Conflict,
    /// A text holds a zero byte, which PostgreSQL cannot store. Nothing was changed.
    #[error("a text holds a zero byte")]
    PeerZeroByte,
    /// More waits to be done than the queue holds. Nothing was changed.
    #[error("the store does not keep up, try again")]
    IoBusy,
    /// The database did not answer in time or its connection was lost: whether the change is there is not known.
    #[error("the database cannot be reached: {0}")]
    IoUnavailable(String),
    /// The database refused a statement. Nothing was changed.
    #[error("the database refused a statement: {0}")]
    IoRefused(String),
    /// A column holds what it should not.
    #[error("column {column} should hold {wanted} and holds {found}")]
    IoCorrupt {
        /// Counted from 0.
        column: usize,
        /// The expected type.
        wanted: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// Something sealed cannot be opened: it was sealed with another key, or changed.
    #[error("a sealed value does not open with this key")]
    IoSealed,
}

/// Why the store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file or folder cannot be made, read or locked.
    #[error("cannot {action} {path}: {source}")]
    IoFile {
        /// What failed.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("{0} is in use by another server: one server owns one store")]
    ConfigInUse(String),
    /// The URL cannot be understood.
    #[error("not a PostgreSQL URL such as postgres://user:password@host:5432/database: {0}")]
    ConfigUrl(String),
    /// The key file holds no key.
    #[error("{0} holds no key of 64 hexadecimal digits: restore it, since what it sealed cannot be read without it")]
    ConfigKey(PathBuf),
    /// A newer program has been here.
    #[error("the database has schema {found} and this program knows {known}: use the newer program")]
    ConfigNewer {
        /// The version in the database.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database does not open or does not take the schema.
    #[error("cannot open the database: {0}")]
    IoDatabase(String),
}
