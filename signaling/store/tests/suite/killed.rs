//! A process that is killed while it writes loses nothing that was answered.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thalweg_store::tables::{Spooled, spool};
use thalweg_store::{Place, Store};

use databases::Server;
use databases::{Folder, open};

/// Tells the child where to write.
const PLACE: &str = "THALWEG_STORE_KILLED";
/// Answered commits after which the child is killed.
const ANSWERED: usize = 300;
/// Tasks that write at the same time.
const WRITERS: usize = 16;

#[tokio::test]
async fn kill_9_loses_nothing_answered() {
    let folder = Folder::new();
    survives(Place::Folder(folder.path().join("data")), folder.path().join("data").to_str().expect("text")).await;
}

#[tokio::test]
async fn kill_9_loses_nothing_answered_by_postgres() {
    let Some(server) = Server::shared() else { return };
    let folder = Folder::new();
    let url = server.fresh_database().await;
    let place = Place::Postgres { url: url.clone(), folder: folder.path().join("key") };
    survives(place, &format!("{url} {}", folder.path().join("key").display())).await;
}

async fn survives(place: Place, told: &str) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "killed::child", "--nocapture", "--ignored"])
        .env(PLACE, told)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut lines = lines.filter_map(|line| line.strip_prefix("answered ")?.parse::<u64>().ok());
    let mut answered: Vec<u64> = lines.by_ref().take(ANSWERED).collect();
    child.kill().expect("it runs");
    // What it had said before it died counts, too.
    answered.extend(lines);
    child.wait().expect("it ends");
    assert!(answered.len() >= ANSWERED);
    let store = open(place).await;
    let kept: Vec<u64> = spool::waiting(&store, "a", 0, 20_000).await.unwrap().iter().map(|row| row.id).collect();
    let lost: Vec<u64> = answered.into_iter().filter(|id| !kept.contains(id)).collect();
    assert_eq!(lost, Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is killed; started by the tests above"]
async fn child() {
    let Some(told) = std::env::var_os(PLACE) else { return };
    let told = told.into_string().expect("text");
    let place = match told.split_once(' ') {
        Some((url, folder)) => Place::Postgres { url: url.into(), folder: folder.into() },
        None => Place::Folder(told.into()),
    };
    let store = open(place).await;
    let next = Arc::new(AtomicU64::new(1));
    for _ in 0..WRITERS {
        tokio::spawn(write(store.clone(), Arc::clone(&next)));
    }
    // Until it is killed.
    std::future::pending::<()>().await;
}

async fn write(store: Store, next: Arc<AtomicU64>) {
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let event =
            Spooled { url: "a".into(), id, room: "r".into(), kind: "k".into(), body: "b".repeat(500), created_ms: 0 };
        store.commit(vec![event.add()]).await.expect("it is written");
        println!("answered {id}");
    }
}
