//! How a room is born: by whom, with which settings, and with a task of its own.

use super::*;
use crate::config::{RoomSettings, RoomWish};
use crate::registry::RoomHandle;
use crate::room_task::{RoomTask, Tenancy};
use crate::world::{Join, WorldConfig};

impl Inner {
    /// The room of this name, made as it is wished if need be.
    pub(super) fn room(self: &Arc<Self>, name: &str, wish: impl FnOnce() -> RoomWish) -> Result<RoomHandle, JoinError> {
        if let Some(room) = self.read().by_name(name) {
            return Ok(room.clone());
        }
        let seed = seed()?;
        let mut registry = self.write();
        if let Some(room) = registry.by_name(name) {
            return Ok(room.clone());
        }
        let serial = registry.allot(self.config.limits.rooms_max)?;
        let (inputs, inputs_receiver) = mpsc::channel(ROOM_INPUTS_MAX);
        let (notices, notices_receiver) = mpsc::channel(ROOM_NOTICES_MAX);
        let room = RoomHandle { serial, inputs, notices, participants: Arc::default(), usage: Arc::default() };
        registry.insert(name.to_owned(), room.clone());
        let world = self.world_config(name, wish(), serial, seed);
        let tenancy = Tenancy::new(Arc::clone(self), name.to_owned(), serial);
        let participants = Arc::clone(&room.participants);
        // The stage is subscribed to under the lock, so that a shutdown cannot pass the new room by.
        let task =
            RoomTask::new(world, tenancy, inputs_receiver, notices_receiver, self.stage.subscribe(), participants);
        tokio::spawn(task.run());
        Ok(room)
    }

    fn world_config(&self, name: &str, wish: RoomWish, serial: u32, seed: [u8; 32]) -> WorldConfig {
        let config = &self.config;
        let or = |wished: u32, default: u32| if wished == 0 { default } else { wished };
        let max_participants = or(wish.max_participants, config.room.max_participants);
        WorldConfig {
            room_name: name.to_owned(),
            room_serial: serial,
            sync_streams: wish.sync_streams || config.room.sync_streams,
            playout_delay_ms: wish.playout_delay_ms().or(config.room.playout_delay_ms),
            room_metadata: wish.metadata,
            shards: config.shards.max(1),
            spread_after: config.spread_after,
            media: config.media.clone(),
            limits: room::RoomLimits { participants_max: max_participants, ..config.room.limits },
            codecs: config.room.codecs.clone(),
            empty_timeout: Duration::from_secs(or(wish.empty_timeout_s, config.room.empty_timeout_s).into()),
            departure_timeout: Duration::from_secs(
                or(wish.departure_timeout_s, config.room.departure_timeout_s).into(),
            ),
            max_participants,
            ping_interval_s: whole_seconds(config.signal.ping_interval),
            ping_timeout_s: whole_seconds(config.signal.ping_timeout),
            server: config.server.clone(),
            ice_servers: config.ice_servers.clone(),
            seed,
        }
    }
}

impl Ticket {
    pub(super) fn join(&self, connection: ConnectionId) -> Join {
        Join {
            connection,
            identity: self.identity.clone(),
            name: self.claims.name.clone(),
            metadata: self.claims.metadata.clone(),
            attributes: self.claims.attributes.clone(),
            kind: self.claims.participant_kind(),
            kind_details: self.claims.kind_detail_numbers(),
            grants: self.grants.clone(),
            // Claims were read from JSON and go back into it.
            claims_json: serde_json::to_string(&self.claims).unwrap_or_default(),
            mode: self.mode,
            request: self.request.clone(),
            client_info: self.request.client_info.clone().unwrap_or_default(),
            reconnect: self.request.reconnect,
        }
    }

    /// What the token wants of a room that it creates; nothing if it says nothing readable.
    pub(super) fn room_wish(&self, settings: &RoomSettings) -> RoomWish {
        let told = self.claims.room_config.clone();
        let told: proto::RoomConfiguration = told.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
        let told = RoomWish {
            empty_timeout_s: told.empty_timeout,
            departure_timeout_s: told.departure_timeout,
            max_participants: told.max_participants,
            metadata: told.metadata,
            sync_streams: told.sync_streams,
            playout_delay_min_ms: told.min_playout_delay,
            playout_delay_max_ms: told.max_playout_delay,
        };
        match settings.presets.get(&self.claims.room_preset) {
            Some(preset) => told.over(preset),
            None => told,
        }
    }
}

fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}
