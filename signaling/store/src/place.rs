//! Where the store is.

use std::fmt;
use std::path::PathBuf;

/// Where the store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory: gone with the process.
    Memory,
    /// SQLite in a folder, which is made if it is not there.
    Folder(PathBuf),
    /// PostgreSQL. The folder holds the key that seals secrets.
    Postgres {
        /// `postgres://user:password@host:5432/database`, with `?sslmode=require` for TLS.
        url: String,
        /// Folder of the key file.
        folder: PathBuf,
    },
}

/// A URL shows neither its user nor its password.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Folder(path) => write!(f, "SQLite in {}", path.display()),
            Self::Postgres { url, .. } => {
                let host = url.rsplit_once('@').map_or("", |(_, host)| host);
                write!(f, "PostgreSQL at {}", host.split('?').next().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://ann:top@secret@db:5432/calls?sslmode=require", "postgres://ann:secret@db:5432/calls"] {
            let shown = format!("{:?}", Place::Postgres { url: url.into(), folder: PathBuf::new() });
            assert_eq!(shown, "PostgreSQL at db:5432/calls");
        }
    }
}
