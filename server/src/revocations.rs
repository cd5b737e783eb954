//! Revoked tokens outlive the server: what was revoked before is read at the start, what is revoked is written, and what no
//! token can be old enough for any more is forgotten.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use livekit::{Lobby, Revocation};
use store::{Change, Store, StoreError, tables};

/// Clocks of those who mint tokens may differ from ours by so much.
const CLOCKS: Duration = Duration::from_secs(3600);

/// Hands what is stored to the lobby, and has it store what comes. No token lives longer than `life`, unless it is zero.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn restore(store: &Store, lobby: &Lobby, life: Duration) -> Result<(), StoreError> {
    let outdated_before = outdated(life, SystemTime::now());
    let surplus = [tables::Revocation::forget_surplus()];
    store.commit(outdated_before.into_iter().chain(surplus).collect()).await?;
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
        let changes = [row.put()].into_iter().chain(outdated(life, SystemTime::now())).collect();
        let kept = async move { store.commit(changes).await.is_ok() };
        Box::pin(kept) as std::pin::Pin<Box<dyn Future<Output = bool> + Send>>
    };
    lobby.keep_revocations(known, Arc::new(keeper));
    Ok(())
}

/// Forgets what is too old to matter.
fn outdated(life: Duration, now: SystemTime) -> Option<Change> {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let oldest = since_1970.checked_sub(life + CLOCKS).filter(|_| !life.is_zero());
    oldest.map(|oldest| tables::Revocation::forget(oldest.as_secs()))
}

fn row(revocation: Revocation) -> tables::Revocation {
    tables::Revocation { room: revocation.room, identity: revocation.identity, issued_before_s: revocation.before_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(identity: &str, issued_before_s: u64) -> Change {
        tables::Revocation { room: "demo".into(), identity: identity.into(), issued_before_s }.put()
    }

    #[tokio::test]
    async fn what_no_token_is_old_enough_for_is_forgotten() {
        let store = Store::open(store::Place::Memory, None).await.expect("memory");
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let (life, clocks) = (Duration::from_secs(86_400), CLOCKS.as_secs());
        let edge = 1_000_000 - life.as_secs() - clocks;
        store.commit(vec![put("old", edge - 1), put("edge", edge), put("new", 999_999)]).await.expect("rows");
        let left = async || {
            let rows = tables::revocation::all(&store).await.expect("rows");
            rows.into_iter().map(|it| it.identity).collect::<Vec<_>>()
        };
        assert!(outdated(Duration::ZERO, now).is_none(), "tokens may live for ever");
        assert_eq!(left().await, ["new", "edge", "old"]);
        store.commit(outdated(life, now).into_iter().collect()).await.expect("changes");
        assert_eq!(left().await, ["new", "edge"]);
    }
}
