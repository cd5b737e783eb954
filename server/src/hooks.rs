//! Webhooks put together: rooms' events on one side, delivery on the other, signed with an API key between them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hooks::{Event, Hooks, Policy, Signer};
use livekit::webhook::{self, Webhooks};
use livekit::{Keys, Lobby};
use store::Store;

use crate::StartError;
use crate::config::Config;

/// Starts delivery, and has the rooms tell their events if anybody is to be told.
///
/// # Errors
/// What was left from before cannot be read.
pub(crate) async fn start(
    config: &Config,
    lobby: &Lobby,
    store: &Store,
    tls: Arc<rustls::ClientConfig>,
) -> Result<Arc<Hooks>, StartError> {
    let told = !config.webhook.policy.urls.is_empty();
    let policy: Policy = config.webhook.policy.clone();
    let signer = signer(config, lobby.keys());
    let hooks = Arc::new(Hooks::start(store.clone(), policy, signer, tls).await?);
    if told {
        let sink = Arc::clone(&hooks);
        lobby
            .tell(Webhooks { sink: Arc::new(move |told| sink.tell(event(told))), full_room: config.webhook.full_room });
    }
    Ok(hooks)
}

fn event(told: webhook::Webhook) -> Event {
    Event { room: told.room, kind: told.kind, body: told.body, created_ms: told.created_ms }
}

fn signer(config: &Config, keys: Keys) -> Signer {
    let key = config.webhook.key.clone();
    Arc::new(move |sha256| {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // A key that is gone since the start signs nothing, and the receiver refuses that.
        webhook::sign(&keys, &key, sha256, now_s).unwrap_or_default()
    })
}
