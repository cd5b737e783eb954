//! Finds a worker for one job: asks the idlest, then the next, and gives the one that accepts a token.

use std::time::Duration;

use livekit_protocol as proto;
use proto::JobType;
use proto::server_message::Message;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::pool::WorkerKey;
use super::{Agents, id, message, now_ns};
use crate::lobby::{Lobby, unix_s};
use crate::token::AccessToken;

/// How long a worker may think about a job.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Workers that are asked about one job.
const ASKED_MAX: usize = 8;
/// How often it is looked for a worker when there is none, and for how long: a worker that was just started is waited for.
const LOOKS: u32 = 20;
/// See [`LOOKS`].
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Life of an agent's token: it joins at once.
const TOKEN_TTL: Duration = Duration::from_secs(3600);
/// The attribute by which clients know an agent.
const NAME_ATTRIBUTE: &str = "lk.agent_name";

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) room: String,
    pub(super) dispatch: proto::AgentDispatch,
    pub(super) kind: JobType,
    pub(super) participant: Option<proto::ParticipantInfo>,
}

/// What a worker said yes to.
struct Taken {
    worker: WorkerKey,
    answer: proto::AvailabilityResponse,
}

/// Looks for a worker until one has taken the job or nobody wants it.
pub(super) async fn place(agents: Agents, lobby: Lobby, task: Task) {
    let mut asked = Vec::new();
    let mut looks = 0;
    while asked.len() < ASKED_MAX {
        let Some(job) = job(&agents, &task) else { return };
        let Some(worker) = ask(&agents, &task, &job, &asked) else {
            // Only a named agent is waited for: rooms without agents are the rule.
            if task.dispatch.agent_name.is_empty() || !asked.is_empty() || looks >= LOOKS {
                break;
            }
            looks += 1;
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        };
        asked.push(worker.0);
        if let Some(taken) = answer(&agents, &job.id, worker).await {
            return assign(&agents, &lobby, &task, job, taken);
        }
    }
    if !task.dispatch.agent_name.is_empty() {
        tracing::warn!(room = task.room, agent = task.dispatch.agent_name, "no agent took the job");
    }
}

/// A fresh job, while the room and the dispatch are there.
fn job(agents: &Agents, task: &Task) -> Option<proto::Job> {
    let pool = agents.pool();
    let work = pool.rooms.get(&task.room)?;
    work.dispatches.get(&task.dispatch.id)?;
    Some(proto::Job {
        id: id("AJ_"),
        dispatch_id: task.dispatch.id.clone(),
        r#type: task.kind.into(),
        room: Some(work.room.clone()),
        participant: task.participant.clone(),
        metadata: task.dispatch.metadata.clone(),
        agent_name: task.dispatch.agent_name.clone(),
        state: Some(proto::JobState { started_at: now_ns(), updated_at: now_ns(), ..Default::default() }),
        deployment: task.dispatch.deployment.clone(),
        attributes: task.dispatch.attributes.clone(),
        ..Default::default()
    })
}

type Asked = (WorkerKey, oneshot::Receiver<proto::AvailabilityResponse>);

/// Offers the job to the idlest worker not asked yet.
fn ask(agents: &Agents, task: &Task, job: &proto::Job, asked: &[WorkerKey]) -> Option<Asked> {
    let mut pool = agents.pool();
    let (key, worker) = pool.best(&task.dispatch.agent_name, task.kind, asked)?;
    let offer = proto::AvailabilityRequest { job: Some(job.clone()), resuming: false };
    // One that does not read is passed over like one that says no.
    let _ = worker.outbox.try_send(message(Message::Availability(offer)));
    let (sender, receiver) = oneshot::channel();
    pool.offers.insert(job.id.clone(), (key, sender));
    Some((key, receiver))
}

async fn answer(agents: &Agents, job: &str, (worker, receiver): Asked) -> Option<Taken> {
    let answer = timeout(ANSWER_MAX, receiver).await;
    agents.pool().offers.remove(job);
    let answer = answer.ok()?.ok().filter(|it| it.available)?;
    Some(Taken { worker, answer })
}

fn assign(agents: &Agents, lobby: &Lobby, task: &Task, mut job: proto::Job, taken: Taken) {
    let Taken { worker, answer } = taken;
    let identity = if answer.participant_identity.is_empty() {
        format!("agent-{}", job.id)
    } else {
        answer.participant_identity.clone()
    };
    let mut pool = agents.pool();
    let Some(it) = pool.workers.get(&worker) else { return };
    let Some(token) = token(lobby, task, &identity, &answer, it.permissions.as_ref()) else { return };
    let state = job.state.get_or_insert_default();
    (state.participant_identity, state.worker_id) = (identity.clone(), it.id.clone());
    state.set_status(proto::JobStatus::JsRunning);
    let assignment = proto::JobAssignment { job: Some(job.clone()), url: None, token };
    let sent = it.outbox.try_send(message(Message::Assignment(assignment))).is_ok();
    if sent {
        pool.assign(&task.room, &job, worker);
        tracing::info!(room = task.room, agent = task.dispatch.agent_name, job = job.id, identity, "agent gets a job");
    }
}

/// What lets the agent in; `None` when there is no key to sign it.
fn token(
    lobby: &Lobby,
    task: &Task,
    identity: &str,
    answer: &proto::AvailabilityResponse,
    permissions: Option<&proto::ParticipantPermission>,
) -> Option<String> {
    let (key, secret) = lobby.config().keys.first()?;
    let token = AccessToken::new(key).join(&task.room, identity).name(&answer.participant_name).kind("agent");
    let token = token.metadata(&answer.participant_metadata).ttl(TOKEN_TTL);
    let token = token.attribute(NAME_ATTRIBUTE, &task.dispatch.agent_name);
    let attributes = answer.participant_attributes.iter();
    let token = attributes.fold(token, |token, (name, value)| token.attribute(name, value));
    let token = token.grant(|grant| {
        grant.agent = true;
        grant.can_update_own_metadata = Some(true);
        if let Some(may) = permissions {
            grant.can_publish = Some(may.can_publish);
            grant.can_subscribe = Some(may.can_subscribe);
            grant.can_publish_data = Some(may.can_publish_data);
            grant.can_update_own_metadata = Some(may.can_update_metadata);
            grant.hidden = may.hidden;
        }
    });
    Some(token.mint(&secret, unix_s()))
}
