//! Who offers work and what there is to do: workers, dispatches, jobs. Plain data; a lock is put around it.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use proto::JobType;
use tokio::sync::{mpsc, oneshot};

/// Workers at a time. One more is refused at registration.
pub(crate) const WORKERS_MAX: usize = 1_000;
/// Dispatches of one room at a time; API calls beyond are refused.
pub(crate) const DISPATCHES_MAX: usize = 64;
/// Jobs kept with one dispatch; the oldest makes room. A publisher's worker gets one for each publisher.
pub(crate) const JOBS_MAX: usize = 256;

/// A worker's number on this node.
pub(crate) type WorkerKey = u64;

/// A registered worker.
#[derive(Debug)]
pub(crate) struct Worker {
    /// `AW_…`, as it was told.
    pub(crate) id: String,
    /// Only dispatches of this name; empty works in every room.
    pub(crate) agent_name: String,
    /// What a job is about: the room, a publisher, a participant.
    pub(crate) kind: JobType,
    /// What its agents may do at most; `None` is LiveKit's default.
    pub(crate) permissions: Option<proto::ParticipantPermission>,
    /// It takes no more for the moment.
    pub(crate) full: bool,
    /// 0 is idle, 1 is busy, as it tells.
    pub(crate) load: f32,
    /// To its connection.
    pub(crate) outbox: mpsc::Sender<proto::ServerMessage>,
}

/// A room with what is to be done in it.
#[derive(Debug, Default)]
pub(crate) struct RoomWork {
    pub(crate) room: proto::Room,
    pub(crate) dispatches: BTreeMap<String, proto::AgentDispatch>,
    /// Dispatches for which a worker was looked for already.
    pub(crate) begun: BTreeSet<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub(crate) workers: BTreeMap<WorkerKey, Worker>,
    pub(crate) rooms: BTreeMap<String, RoomWork>,
    /// Who waits for a worker's answer, by job.
    pub(crate) offers: BTreeMap<String, (WorkerKey, oneshot::Sender<proto::AvailabilityResponse>)>,
    /// Where each living job stands: room and dispatch, and who does it.
    pub(crate) jobs: BTreeMap<String, (String, String, WorkerKey)>,
    next: WorkerKey,
}

impl Pool {
    /// Takes a worker in; `None` when there are too many.
    pub(crate) fn register(&mut self, worker: Worker) -> Option<WorkerKey> {
        if self.workers.len() >= WORKERS_MAX {
            return None;
        }
        self.next += 1;
        self.workers.insert(self.next, worker);
        Some(self.next)
    }

    /// Forgets a worker. What it was asked is answered by silence, and its jobs have failed.
    pub(crate) fn leave(&mut self, key: WorkerKey, now_ns: i64) {
        self.workers.remove(&key);
        self.offers.retain(|_, (worker, _)| *worker != key);
        let lost: Vec<String> =
            self.jobs.iter().filter(|(_, (_, _, worker))| *worker == key).map(|(job, _)| job.clone()).collect();
        for job in lost {
            self.update_job(&job, proto::JobStatus::JsFailed, "the worker left", now_ns);
        }
    }

    /// The idlest worker for a dispatch that was not asked yet.
    pub(crate) fn best(&self, agent_name: &str, kind: JobType, asked: &[WorkerKey]) -> Option<(WorkerKey, &Worker)> {
        let fit = self.workers.iter().filter(|(key, worker)| {
            !worker.full && worker.agent_name == agent_name && worker.kind == kind && !asked.contains(key)
        });
        let fit = fit.map(|(key, worker)| (*key, worker));
        fit.min_by(|(_, one), (_, other)| one.load.total_cmp(&other.load))
    }

    /// Notes a job that a worker has taken.
    pub(crate) fn assign(&mut self, room: &str, job: &proto::Job, worker: WorkerKey) {
        let dispatch = self.rooms.get_mut(room).and_then(|it| it.dispatches.get_mut(&job.dispatch_id));
        let Some(state) = dispatch.map(|it| it.state.get_or_insert_default()) else { return };
        if state.jobs.len() >= JOBS_MAX {
            let oldest = state.jobs.remove(0);
            self.jobs.remove(&oldest.id);
        }
        state.jobs.push(job.clone());
        self.jobs.insert(job.id.clone(), (room.to_owned(), job.dispatch_id.clone(), worker));
    }

    /// A job's state as its worker tells it; one that ended is forgotten but for its dispatch's list.
    pub(crate) fn update_job(&mut self, id: &str, status: proto::JobStatus, error: &str, now_ns: i64) {
        let Some((room, dispatch, _)) = self.jobs.get(id).cloned() else { return };
        let ended = matches!(status, proto::JobStatus::JsSuccess | proto::JobStatus::JsFailed);
        if ended {
            self.jobs.remove(id);
        }
        let dispatch = self.rooms.get_mut(&room).and_then(|it| it.dispatches.get_mut(&dispatch));
        let jobs = dispatch.and_then(|it| it.state.as_mut()).map(|it| &mut it.jobs);
        let Some(state) = jobs.and_then(|jobs| jobs.iter_mut().find(|it| it.id == id)).map(|it| &mut it.state) else {
            return;
        };
        let state = state.get_or_insert_default();
        (state.status, state.updated_at) = (status.into(), now_ns);
        state.error = error.to_owned();
        if ended {
            state.ended_at = now_ns;
        }
    }

    /// Forgets a dispatch; its living jobs with their workers, who are to end them.
    pub(crate) fn remove_dispatch(&mut self, room: &str, id: &str) -> Option<(proto::AgentDispatch, Vec<Ending>)> {
        let work = self.rooms.get_mut(room)?;
        work.begun.remove(id);
        let dispatch = work.dispatches.remove(id)?;
        let endings = dispatch.state.iter().flat_map(|it| &it.jobs).filter_map(|job| {
            let (_, _, worker) = self.jobs.remove(&job.id)?;
            Some((self.workers.get(&worker)?.outbox.clone(), job.id.clone()))
        });
        let endings = endings.collect();
        Some((dispatch, endings))
    }

    /// A room is over, and all that was to be done in it.
    pub(crate) fn end_room(&mut self, room: &str) {
        self.rooms.remove(room);
        self.jobs.retain(|_, (of, _, _)| of != room);
    }
}

/// A worker's connection and a job that it is to end.
pub(crate) type Ending = (mpsc::Sender<proto::ServerMessage>, String);

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(agent_name: &str, load: f32) -> (Worker, mpsc::Receiver<proto::ServerMessage>) {
        let (outbox, inbox) = mpsc::channel(4);
        let (id, agent_name) = ("AW_x".to_owned(), agent_name.to_owned());
        (Worker { id, agent_name, kind: JobType::JtRoom, permissions: None, full: false, load, outbox }, inbox)
    }

    fn job(pool: &mut Pool, id: &str, worker: WorkerKey) {
        let work = pool.rooms.entry("river".into()).or_default();
        work.dispatches.insert("AD_1".into(), proto::AgentDispatch { id: "AD_1".into(), ..Default::default() });
        let job = proto::Job { id: id.into(), dispatch_id: "AD_1".into(), ..Default::default() };
        pool.assign("river", &job, worker);
    }

    fn status(pool: &Pool, id: &str) -> proto::JobStatus {
        let jobs = &pool.rooms["river"].dispatches["AD_1"].state.as_ref().unwrap().jobs;
        jobs.iter()
            .find(|job| job.id == id)
            .unwrap()
            .state
            .as_ref()
            .map_or(proto::JobStatus::JsPending, |it| it.status())
    }

    #[test]
    fn the_idlest_of_a_name_is_asked_first_and_nobody_twice() {
        let mut pool = Pool::default();
        let keys: Vec<_> = [("", 0.1), ("echo", 0.9), ("echo", 0.2)]
            .map(|(name, load)| pool.register(worker(name, load).0).unwrap())
            .into();
        let best = |pool: &Pool, asked: &[WorkerKey]| pool.best("echo", JobType::JtRoom, asked).map(|(key, _)| key);
        assert_eq!(best(&pool, &[]), Some(keys[2]));
        assert_eq!(best(&pool, &[keys[2]]), Some(keys[1]));
        assert_eq!(best(&pool, &keys), None);
        pool.workers.get_mut(&keys[2]).unwrap().full = true;
        assert_eq!(best(&pool, &[]), Some(keys[1]));
        assert!(pool.best("", JobType::JtPublisher, &[]).is_none());
    }

    #[test]
    fn jobs_end_with_their_worker_their_dispatch_and_their_room() {
        let mut pool = Pool::default();
        let (mine, _inbox) = worker("", 0.0);
        let key = pool.register(mine).unwrap();
        job(&mut pool, "AJ_1", key);
        pool.update_job("AJ_1", proto::JobStatus::JsSuccess, "", 5);
        assert_eq!((status(&pool, "AJ_1"), pool.jobs.len()), (proto::JobStatus::JsSuccess, 0));
        job(&mut pool, "AJ_2", key);
        pool.leave(key, 6);
        assert_eq!((status(&pool, "AJ_2"), pool.jobs.len()), (proto::JobStatus::JsFailed, 0));
        let (other, _inbox) = worker("", 0.0);
        let key = pool.register(other).unwrap();
        job(&mut pool, "AJ_3", key);
        let (_, endings) = pool.remove_dispatch("river", "AD_1").unwrap();
        assert_eq!((endings.len(), pool.jobs.len()), (1, 0));
        job(&mut pool, "AJ_4", key);
        pool.end_room("river");
        assert!(pool.jobs.is_empty() && pool.rooms.is_empty());
    }

    #[test]
    fn workers_and_jobs_are_bounded() {
        let mut pool = Pool::default();
        let registered = (0..=WORKERS_MAX).filter(|_| pool.register(worker("", 0.0).0).is_some()).count();
        assert_eq!(registered, WORKERS_MAX);
        for index in 0..JOBS_MAX + 5 {
            let work = pool.rooms.entry("river".into()).or_default();
            work.dispatches.entry("AD_1".into()).or_default();
            let job = proto::Job { id: format!("AJ_{index}"), dispatch_id: "AD_1".into(), ..Default::default() };
            pool.assign("river", &job, 1);
        }
        assert_eq!(pool.jobs.len(), JOBS_MAX);
    }
}
