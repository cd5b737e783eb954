//! Agents: programs that wait for rooms to work in. They register over a socket, are offered jobs, and join like anybody.
//!
//! A worker without a name gets a job in every room that begins (or for every publisher or participant, as it
//! registered); one with a name where the server API or a token asks for that name.

mod offer;
mod pool;
pub(crate) mod socket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use livekit_protocol as proto;
use proto::JobType;
use proto::server_message::Message;
use rand::distr::{Alphanumeric, SampleString};

use crate::lobby::Lobby;
use crate::world::RoomEvent;
use offer::Task;
use pool::{DISPATCHES_MAX, Pool};

/// Random characters of an id.
const ID_CHARS: usize = 12;

/// Why a dispatch is not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum DispatchError {
    /// The room has [`DISPATCHES_MAX`] of them.
    #[error("too many dispatches in this room, at most {DISPATCHES_MAX}")]
    TooMany,
    /// There is no such dispatch.
    #[error("dispatch not found")]
    Missing,
}

/// All workers and what they do; clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents(Arc<Mutex<Pool>>);

impl Agents {
    /// No code that can panic leaves the pool half changed, so a poisoned lock is sound.
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workers at present.
    pub(crate) fn workers(&self) -> usize {
        self.pool().workers.len()
    }

    /// Jobs that are being done.
    pub(crate) fn jobs(&self) -> usize {
        self.pool().jobs.len()
    }

    /// Looks at what happens in rooms: some of it is work.
    pub(crate) fn hear(&self, lobby: &Lobby, name: &str, event: &RoomEvent) {
        match event {
            RoomEvent::RoomStarted(room) => self.room_begins(lobby, name, room),
            RoomEvent::RoomFinished(..) => self.pool().end_room(name),
            RoomEvent::ParticipantJoined(_, who) => self.somebody(lobby, name, who, JobType::JtParticipant),
            RoomEvent::TrackPublished(_, who, _) if who.tracks.len() <= 1 => {
                self.somebody(lobby, name, who, JobType::JtPublisher);
            }
            _ => {}
        }
    }

    /// A room is about to begin, and its token names agents: these, and no unnamed one, work in it.
    pub(crate) fn expect(&self, room: &str, wanted: Vec<proto::RoomAgentDispatch>) {
        if wanted.is_empty() {
            return;
        }
        let mut pool = self.pool();
        let work = pool.rooms.entry(room.to_owned()).or_default();
        for wish in wanted.into_iter().take(DISPATCHES_MAX) {
            let request = proto::CreateAgentDispatchRequest {
                agent_name: wish.agent_name,
                metadata: wish.metadata,
                ..Default::default()
            };
            let dispatch = dispatch(room, request);
            work.dispatches.insert(dispatch.id.clone(), dispatch);
        }
    }

    /// Workers without a name work in every room.
    fn room_begins(&self, lobby: &Lobby, name: &str, room: &proto::Room) {
        let waiting = {
            let mut pool = self.pool();
            let unnamed = pool.workers.values().any(|worker| worker.agent_name.is_empty());
            let work = pool.rooms.entry(name.to_owned()).or_default();
            work.room = room.clone();
            if unnamed && work.dispatches.is_empty() {
                let dispatch = dispatch(name, proto::CreateAgentDispatchRequest::default());
                work.dispatches.insert(dispatch.id.clone(), dispatch);
            }
            let fresh = work.dispatches.values().filter(|it| !work.begun.contains(&it.id));
            let fresh: Vec<_> = fresh.cloned().collect();
            work.begun.extend(fresh.iter().map(|it| it.id.clone()));
            fresh
        };
        for dispatch in waiting {
            self.begin(lobby, name, &dispatch, JobType::JtRoom, None);
        }
    }

    /// Somebody came or shows something: work for those who registered for that.
    fn somebody(&self, lobby: &Lobby, name: &str, who: &proto::ParticipantInfo, kind: JobType) {
        // Agents do not wait on each other.
        if who.kind() == proto::participant_info::Kind::Agent {
            return;
        }
        let dispatches: Vec<_> = {
            let pool = self.pool();
            let of_kind = pool.workers.values().any(|worker| worker.kind == kind);
            let work = pool.rooms.get(name).filter(|_| of_kind);
            work.map(|it| it.dispatches.values().cloned().collect()).unwrap_or_default()
        };
        for dispatch in dispatches {
            self.begin(lobby, name, &dispatch, kind, Some(who.clone()));
        }
    }

    /// Asks for an agent by name in a room that is there.
    pub(crate) fn dispatch(
        &self,
        lobby: &Lobby,
        room: proto::Room,
        request: proto::CreateAgentDispatchRequest,
    ) -> Result<proto::AgentDispatch, DispatchError> {
        let name = request.room.clone();
        let dispatch = dispatch(&name, request);
        {
            let mut pool = self.pool();
            let work = pool.rooms.entry(name.clone()).or_default();
            if work.dispatches.len() >= DISPATCHES_MAX {
                return Err(DispatchError::TooMany);
            }
            work.room = room;
            work.begun.insert(dispatch.id.clone());
            work.dispatches.insert(dispatch.id.clone(), dispatch.clone());
        }
        self.begin(lobby, &name, &dispatch, JobType::JtRoom, None);
        Ok(dispatch)
    }

    /// A room's dispatches, or the one of an id.
    pub(crate) fn dispatches(&self, room: &str, id: &str) -> Vec<proto::AgentDispatch> {
        let pool = self.pool();
        let all = pool.rooms.get(room).into_iter().flat_map(|it| it.dispatches.values());
        all.filter(|it| id.is_empty() || it.id == id).cloned().collect()
    }

    /// Takes a dispatch back; its jobs are ended.
    pub(crate) fn remove(&self, room: &str, id: &str) -> Result<proto::AgentDispatch, DispatchError> {
        let removed = self.pool().remove_dispatch(room, id);
        let (dispatch, endings) = removed.ok_or(DispatchError::Missing)?;
        for (outbox, job_id) in endings {
            // A worker whose queue is full does not keep up, and is cut by its connection.
            let _ = outbox.try_send(message(Message::Termination(proto::JobTermination { job_id })));
        }
        Ok(dispatch)
    }

    fn begin(
        &self,
        lobby: &Lobby,
        room: &str,
        dispatch: &proto::AgentDispatch,
        kind: JobType,
        participant: Option<proto::ParticipantInfo>,
    ) {
        let task = Task { room: room.to_owned(), dispatch: dispatch.clone(), kind, participant };
        tokio::spawn(offer::place(self.clone(), lobby.clone(), task));
    }
}

fn dispatch(room: &str, request: proto::CreateAgentDispatchRequest) -> proto::AgentDispatch {
    let state = proto::AgentDispatchState { created_at: now_ns(), ..Default::default() };
    proto::AgentDispatch {
        id: id("AD_"),
        agent_name: request.agent_name,
        room: room.to_owned(),
        metadata: request.metadata,
        state: Some(state),
        deployment: request.deployment,
        attributes: request.attributes,
        ..Default::default()
    }
}

fn message(message: Message) -> proto::ServerMessage {
    proto::ServerMessage { message: Some(message) }
}

fn id(prefix: &str) -> String {
    prefix.to_owned() + &Alphanumeric.sample_string(&mut rand::rng(), ID_CHARS)
}

fn now_ns() -> i64 {
    i64::try_from(crate::lobby::now().unix_ms).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// A worker that waits for jobs of a kind.
    fn worker(agents: &Agents, kind: JobType) -> mpsc::Receiver<proto::ServerMessage> {
        let (outbox, inbox) = mpsc::channel(4);
        let (id, agent_name) = ("AW_x".to_owned(), String::new());
        let worker = pool::Worker { id, agent_name, kind, permissions: None, full: false, load: 0.0, outbox };
        agents.pool().register(worker).unwrap();
        inbox
    }

    /// What the next offer is about: its kind, and whom it concerns.
    async fn offered(inbox: &mut mpsc::Receiver<proto::ServerMessage>) -> (JobType, String) {
        let message = inbox.recv().await.unwrap().message.unwrap();
        let Message::Availability(offer) = message else { panic!("{message:?}") };
        let job = offer.job.unwrap();
        (job.r#type(), job.participant.map(|who| who.identity).unwrap_or_default())
    }

    #[tokio::test]
    async fn workers_get_jobs_of_their_kind() {
        let lobby = crate::lobby::tests::lobby_with(Arc::new(|_| {}));
        let agents = lobby.agents().clone();
        let [mut of_rooms, mut of_publishers, mut of_people] =
            [JobType::JtRoom, JobType::JtPublisher, JobType::JtParticipant].map(|kind| worker(&agents, kind));
        let room = || Box::new(proto::Room { name: "river".into(), ..Default::default() });
        let who = |identity: &str| Box::new(proto::ParticipantInfo { identity: identity.into(), ..Default::default() });
        let track = || Box::new(proto::TrackInfo { sid: "TR_1".into(), ..Default::default() });
        agents.hear(&lobby, "river", &RoomEvent::RoomStarted(room()));
        assert_eq!(offered(&mut of_rooms).await, (JobType::JtRoom, String::new()));
        agents.hear(&lobby, "river", &RoomEvent::ParticipantJoined(room(), who("ann")));
        assert_eq!(offered(&mut of_people).await, (JobType::JtParticipant, "ann".into()));
        agents.hear(&lobby, "river", &RoomEvent::TrackPublished(room(), who("ann"), track()));
        assert_eq!(offered(&mut of_publishers).await, (JobType::JtPublisher, "ann".into()));
        // An agent that comes is nobody's work.
        let mut agent = who("agent-1");
        agent.set_kind(proto::participant_info::Kind::Agent);
        agents.hear(&lobby, "river", &RoomEvent::ParticipantJoined(room(), agent));
        tokio::task::yield_now().await;
        assert!([of_rooms, of_publishers, of_people].iter_mut().all(|inbox| inbox.try_recv().is_err()));
    }
}
