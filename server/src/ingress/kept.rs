//! Ingresses outlive the server: what was kept is read at the start, what changes is written. Stream keys are sealed.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use livekit::Lobby;
use livekit::ingress::{Change, INGRESSES_MAX, Record};
use store::{Store, StoreError, tables};

/// Hands what is stored to the lobby, and has it store what comes.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn restore(store: &Store, lobby: &Lobby) -> Result<(), StoreError> {
    let known = tables::ingress::list(store, None, "", INGRESSES_MAX as u64).await?;
    let known = known.into_iter().map(|row| Record {
        id: row.id,
        name: row.name,
        room: row.room,
        identity: row.identity,
        stream_key: row.stream_key,
        settings: row.settings,
    });
    let store = store.clone();
    lobby.ingresses().keep(
        known,
        Arc::new(move |change| {
            let store = store.clone();
            Box::pin(async move { keep(&store, change).await.inspect_err(complain).is_ok() })
        }),
    );
    Ok(())
}

async fn keep(store: &Store, change: Change) -> Result<(), StoreError> {
    let change = match change {
        Change::Add(record) => row(record).add(store.vault())?,
        Change::Replace(record) => row(record).replace(store.vault())?,
        Change::Remove(id) => tables::Ingress::remove(&id),
    };
    store.commit(vec![change]).await.map(drop)
}

fn complain(error: &StoreError) {
    tracing::error!(%error, "an ingress could not be kept");
}

fn row(record: Record) -> tables::Ingress {
    let Record { id, name, room, identity, stream_key, settings } = record;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
    let state = String::new();
    tables::Ingress { id, name, room, identity, stream_key, settings, state, created_ms: now_ms, updated_ms: now_ms }
}
