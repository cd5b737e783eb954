//! Revoked tokens outlive the server: what was revoked before is read at the start, what is revoked is written.

use std::sync::Arc;

use livekit::{Lobby, Revocation};
use store::{Store, StoreError, tables};

/// Hands what is stored to the lobby, and has it store what comes.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn restore(store: &Store, lobby: &Lobby) -> Result<(), StoreError> {
    let known = tables::revocation::all(store).await?;
    // The lobby forgets the oldest first, so that the latest must come last.
    let known = known.into_iter().rev().map(|it| Revocation {
        room: it.room,
        identity: it.identity,
        before_s: it.issued_before_s,
    });
    let store = store.clone();
    let keeper = move |revocation: Revocation| {
        let (store, row) = (store.clone(), row(revocation));
        let kept = async move { store.commit(vec![row.put()]).await.is_ok() };
        Box::pin(kept) as std::pin::Pin<Box<dyn Future<Output = bool> + Send>>
    };
    lobby.keep_revocations(known, Arc::new(keeper));
    Ok(())
}

fn row(revocation: Revocation) -> tables::Revocation {
    tables::Revocation { room: revocation.room, identity: revocation.identity, issued_before_s: revocation.before_s }
}
