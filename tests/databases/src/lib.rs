//! Where tests keep things: SQLite in memory, SQLite in a folder, and a PostgreSQL server of their own.

mod server;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub use server::Server;
use store::{Place, Store};

/// A folder that goes with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    #[allow(clippy::new_without_default, reason = "it is made on the disk")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("thalweg-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store that must open.
pub async fn open(place: Place) -> Store {
    Store::open(place, None).await.unwrap_or_else(|error| panic!("{error}"))
}

/// An empty PostgreSQL database that spools into `folder`; `None` where PostgreSQL is not installed.
pub async fn postgres(folder: &Folder) -> Option<Place> {
    let url = Server::shared()?.fresh_database().await;
    Some(Place::Postgres { url, folder: folder.path().into() })
}

/// Runs `test` once for each database, each time with an empty store. Its places outlive it.
pub async fn on_all<F: Future<Output = ()>>(test: impl Fn(Place) -> F) {
    test(Place::Memory).await;
    let folder = Folder::new();
    test(Place::Folder(folder.path().into())).await;
    let folder = Folder::new();
    if let Some(place) = postgres(&folder).await {
        test(place).await;
    }
}
