//! Where the suite runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use thalweg_store::{Place, Store};

use crate::server::Server;

/// A folder that goes with the value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("thalweg-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn open(place: Place) -> Store {
    Store::open(place, None).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs `test` once for each database, each time with an empty store. Its places outlive it.
pub(crate) async fn on_all<F: Future<Output = ()>>(test: impl Fn(Place) -> F) {
    test(Place::Memory).await;
    let folder = Folder::new();
    test(Place::Folder(folder.path().into())).await;
    if let Some(server) = Server::shared() {
        let folder = Folder::new();
        test(Place::Postgres { url: server.fresh_database().await, folder: folder.path().into() }).await;
    }
}
