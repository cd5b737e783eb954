//! What agents need of the lobby.

use super::*;
use crate::agents::Agents;
use crate::world;

impl Lobby {
    /// The lobby of what its parts share.
    pub(crate) fn of(inner: &Arc<Inner>) -> Self {
        Self(Arc::clone(inner))
    }

    /// Workers that wait for rooms, and what they do there.
    pub(crate) fn agents(&self) -> &Agents {
        &self.0.agents
    }

    /// The server in LiveKit's words.
    pub(crate) fn server_info(&self) -> proto::ServerInfo {
        world::server_info(&self.config().server)
    }

    /// Returns when rooms begin to say goodbye.
    pub(crate) async fn closing(&self) {
        let mut stage = self.0.stage.subscribe();
        // The sender lives as long as this handle.
        let _ = stage.wait_for(|stage| *stage != Stage::Open).await;
    }
}

impl Ticket {
    /// The agents that the token wants in a room that it creates.
    pub(super) fn room_agents(&self) -> Vec<proto::RoomAgentDispatch> {
        let told = self.claims.room_config.clone();
        let told = told.and_then(|it| serde_json::from_value::<proto::RoomConfiguration>(it).ok());
        told.map(|it| it.agents).unwrap_or_default()
    }
}
