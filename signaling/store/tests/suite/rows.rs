//! What every database must do alike.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use thalweg_store::tables::{Ingress, Revocation, Spooled, ingress, revocation, spool};
use thalweg_store::{Change, OpenError, Place, Store, StoreError};

use databases::Server;
use databases::{Folder, on_all, open};

fn event(id: u64, url: &str) -> Spooled {
    let body = format!("{{\"n\":{id},\"text\":\"ä€𝄞 $1 ?1 ' \"}}");
    Spooled { url: url.into(), id, room: "river".into(), kind: "room_started".into(), body, created_ms: 1_700_000 + id }
}

fn live(id: &str, room: &str, key: &str) -> Ingress {
    Ingress {
        id: id.into(),
        name: "camera".into(),
        room: room.into(),
        identity: "obs".into(),
        stream_key: key.into(),
        settings: "{}".into(),
        state: "{}".into(),
        created_ms: 5,
        updated_ms: 5,
    }
}

#[tokio::test]
async fn spooled_events_come_back_in_order() {
    on_all(|place| async {
        let store = open(place).await;
        assert_eq!(spool::last_id(&store).await, Ok(0));
        for id in [3, 1, 2] {
            store.commit(vec![event(id, "a").add(), event(id, "b").add()]).await.unwrap();
        }
        assert_eq!(spool::urls(&store).await, Ok(vec![("a".into(), 3), ("b".into(), 3)]));
        assert_eq!(spool::waiting(&store, "a", 0, 2).await, Ok(vec![event(1, "a"), event(2, "a")]));
        assert_eq!(spool::waiting(&store, "a", 2, 2).await, Ok(vec![event(3, "a")]));
        assert_eq!(store.commit(vec![Spooled::take("a", 1), Spooled::take("a", 9)]).await, Ok(vec![1, 0]));
        assert_eq!(spool::forget(&store, "b").await, Ok(3));
        assert_eq!(spool::urls(&store).await, Ok(vec![("a".into(), 2)]));
        assert_eq!(spool::last_id(&store).await, Ok(3));
    })
    .await;
}

#[tokio::test]
async fn a_commit_is_all_or_nothing() {
    on_all(|place| async {
        let store = open(place).await;
        store.commit(vec![event(1, "a").add()]).await.unwrap();
        let twice = vec![event(2, "a").add(), event(1, "a").add()];
        assert_eq!(store.commit(twice).await, Err(StoreError::Conflict));
        let gone = vec![event(2, "a").add(), Spooled::take("a", 7).or_conflict()];
        assert_eq!(store.commit(gone).await, Err(StoreError::Conflict));
        let zero = Spooled { room: "a\0b".into(), ..event(2, "a") };
        assert_eq!(store.commit(vec![zero.add()]).await, Err(StoreError::PeerZeroByte));
        let wrong = vec![event(2, "a").add(), Change::new("DELETE FROM nothing", [])];
        assert!(matches!(store.commit(wrong).await, Err(StoreError::IoRefused(_))));
        assert_eq!(spool::waiting(&store, "a", 0, 9).await, Ok(vec![event(1, "a")]));
    })
    .await;
}

#[tokio::test]
async fn commits_that_wait_share_a_write() {
    on_all(|place| async {
        let store = open(place).await;
        let before = store.counts();
        let commits = (1..=400).map(|id| {
            let store = store.clone();
            // Every tenth fails and must not harm its group.
            let id = if id % 10 == 0 { 1 } else { id };
            tokio::spawn(async move { store.commit(vec![event(id, "a").add()]).await })
        });
        let mut outcomes = Vec::new();
        for commit in commits.collect::<Vec<_>>() {
            outcomes.push(commit.await.unwrap());
        }
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(StoreError::Conflict)).count(), 40);
        assert_eq!(done, 360);
        assert_eq!(spool::waiting(&store, "a", 0, 1000).await.unwrap().len(), 360);
        let after = store.counts();
        assert_eq!(after.commits - before.commits, 360);
        assert!(after.groups - before.groups < 200, "{after:?}");
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    /// Far more than the queue holds and a database writes while they are asked for.
    const ASKED: u64 = 30_000;
    on_all(|place| async {
        let store = open(place).await;
        let commits: Vec<_> = (0..ASKED).map(|id| Box::pin(store.commit(vec![event(id, "a").add()]))).collect();
        let mut outcomes = Vec::new();
        let mut waiting = Vec::new();
        // All are polled once before any is awaited, so that they wait together.
        for mut commit in commits {
            match poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx))).await {
                Poll::Ready(outcome) => outcomes.push(outcome),
                Poll::Pending => waiting.push(commit),
            }
        }
        for commit in waiting {
            outcomes.push(commit.await);
        }
        let busy = outcomes.iter().filter(|outcome| **outcome == Err(StoreError::IoBusy)).count() as u64;
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        assert!(busy > 0 && done >= 4096 && busy + done == ASKED, "{busy} busy, {done} done");
        assert_eq!(store.counts().refused, busy);
    })
    .await;
}

#[tokio::test]
async fn the_latest_revocation_holds() {
    on_all(|place| async {
        let store = open(place).await;
        let put = |room: &str, identity: &str, issued_before_s| {
            Revocation { room: room.into(), identity: identity.into(), issued_before_s }.put()
        };
        for change in [put("river", "ada", 10), put("river", "ada", 30), put("river", "ada", 20), put("", "bob", 40)] {
            store.commit(vec![change]).await.unwrap();
        }
        for (room, identity, before) in
            [("river", "ada", Some(30)), ("lake", "ada", None), ("lake", "bob", Some(40)), ("river", "eve", None)]
        {
            assert_eq!(revocation::issued_before(&store, room, identity).await, Ok(before), "{room} {identity}");
        }
        store.commit(vec![put("", "", 50)]).await.unwrap();
        assert_eq!(revocation::issued_before(&store, "lake", "eve").await, Ok(Some(50)));
        store.commit(vec![Revocation::forget(40)]).await.unwrap();
        assert_eq!(store.commit(vec![Revocation::forget_surplus()]).await, Ok(vec![0]), "there is none");
        let left = revocation::all(&store).await.unwrap();
        assert_eq!(left.iter().map(|it| it.issued_before_s).collect::<Vec<_>>(), [50, 40]);
    })
    .await;
}

#[tokio::test]
async fn ingresses_by_id_key_and_room() {
    on_all(|place| async {
        let store = open(place).await;
        let vault = store.vault();
        let (one, two) = (live("IN_1", "river", "key-1"), live("IN_2", "lake", "key-2"));
        store.commit(vec![one.add(vault).unwrap(), two.add(vault).unwrap()]).await.unwrap();
        let same_key = live("IN_3", "river", "key-1").add(vault).unwrap();
        assert_eq!(store.commit(vec![same_key]).await, Err(StoreError::Conflict));
        assert_eq!(ingress::by_id(&store, "IN_1").await, Ok(Some(one.clone())));
        assert_eq!(ingress::by_stream_key(&store, "key-2").await, Ok(Some(two.clone())));
        assert_eq!(ingress::by_stream_key(&store, "key").await, Ok(None));
        assert_eq!(ingress::list(&store, None, "", 9).await, Ok(vec![one.clone(), two.clone()]));
        assert_eq!(ingress::list(&store, None, "IN_1", 9).await, Ok(vec![two.clone()]));
        assert_eq!(ingress::list(&store, Some("lake"), "", 9).await, Ok(vec![two.clone()]));
        let moved = Ingress { room: "sea".into(), stream_key: "key-3".into(), updated_ms: 9, ..one };
        store.commit(vec![moved.replace(vault).unwrap()]).await.unwrap();
        store.commit(vec![Ingress::set_state("IN_1", "{\"status\":2}", 11)]).await.unwrap();
        let moved = Ingress { state: "{\"status\":2}".into(), updated_ms: 11, ..moved };
        assert_eq!(ingress::by_stream_key(&store, "key-3").await, Ok(Some(moved.clone())));
        assert_eq!(ingress::by_stream_key(&store, "key-1").await, Ok(None));
        store.commit(vec![Ingress::remove("IN_1")]).await.unwrap();
        assert_eq!(store.commit(vec![Ingress::remove("IN_1")]).await, Err(StoreError::Conflict));
        assert_eq!(store.commit(vec![moved.replace(vault).unwrap()]).await, Err(StoreError::Conflict));
    })
    .await;
}

#[tokio::test]
async fn rows_and_secrets_survive_a_new_start_and_have_one_owner() {
    on_all(|place| async {
        let ingress = live("IN_1", "river", "a secret stream key");
        let store = open(place.clone()).await;
        store.commit(vec![ingress.add(store.vault()).unwrap()]).await.unwrap();
        if place == Place::Memory {
            return;
        }
        let second = Store::open(place.clone(), None).await;
        assert!(matches!(second, Err(OpenError::ConfigInUse(_))), "{second:?}");
        drop(store);
        let store = open(place).await;
        assert_eq!(ingress::by_id(&store, "IN_1").await, Ok(Some(ingress)));
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    on_all(|place| async {
        if place == Place::Memory {
            return;
        }
        let store = open(place.clone()).await;
        store.commit(vec![Change::new("UPDATE schema_version SET version = 1000", [])]).await.unwrap();
        drop(store);
        let newer = Store::open(place, None).await;
        assert!(matches!(newer, Err(OpenError::ConfigNewer { found: 1000, .. })), "{newer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_folder_tells_no_secret_and_strangers_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let inner = folder.path().join("deep/inside");
    let store = open(Place::Folder(inner.clone())).await;
    let add = live("IN_1", "river", "a secret stream key").add(store.vault()).unwrap();
    store.commit(vec![add]).await.unwrap();
    drop(store);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    assert_eq!(mode(&inner.join("store.key")), 0o600);
    for file in std::fs::read_dir(&inner).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
    }
    std::fs::write(inner.join("store.key"), "rubbish").unwrap();
    assert!(matches!(Store::open(Place::Folder(inner), None).await, Err(OpenError::ConfigKey(_))));
}

#[tokio::test]
async fn wrong_places_are_named() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let place = Place::Folder(folder.path().join("file/inside"));
    let error = Store::open(place, None).await.unwrap_err().to_string();
    assert!(error.contains("make the folder") && error.contains("file/inside"), "{error}");
    for url in ["mysql://x", "postgres://h:notaport/d"] {
        let place = Place::Postgres { url: url.into(), folder: folder.path().into() };
        let error = Store::open(place, None).await.unwrap_err();
        assert!(matches!(error, OpenError::ConfigUrl(_)), "{url}: {error}");
    }
    let place = Place::Postgres { url: "postgres://a:geheim@127.0.0.1:1/d".into(), folder: folder.path().into() };
    let error = Store::open(place, None).await.unwrap_err().to_string();
    assert!(error.contains("cannot open the database") && !error.contains("geheim"), "{error}");
}

#[tokio::test]
async fn a_lost_connection_comes_back() {
    let Some(server) = Server::shared() else { return };
    let folder = Folder::new();
    let url = server.fresh_database().await;
    let store = open(Place::Postgres { url: url.clone(), folder: folder.path().into() }).await;
    store.commit(vec![event(1, "a").add()]).await.unwrap();
    let store = Arc::new(store);
    server.cut(&url).await;
    let mut id = 2;
    // The first may find the connection lost; soon one gets through.
    while let Err(error) = store.commit(vec![event(id, "a").add()]).await {
        assert!(matches!(error, StoreError::IoUnavailable(_)), "{error}");
        id += 1;
        assert!(id < 1000, "it never came back");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut tries = 0;
    while spool::waiting(&store, "a", 0, 9).await.map(|rows| rows.len()) != Ok(2) {
        tries += 1;
        assert!(tries < 1000, "the reader never came back");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
