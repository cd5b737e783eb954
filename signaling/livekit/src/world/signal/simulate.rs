//! `simulate`: the test hooks of clients.

use std::time::{Duration, Instant};

use door::Command;
use livekit_protocol as proto;
use proto::CandidateProtocol;
use proto::leave_request::Action;
use proto::signal_response::Message;
use proto::simulate_scenario::Scenario;
use room::{LeaveReason, ParticipantSid};

use crate::world::departure::leave;
use crate::world::{Now, World};

/// A client that asked for a broken resume must resume within this time.
const SABOTAGE_TIME_MAX: Duration = Duration::from_secs(5);
/// Resumes that fail without a message.
const SILENT_RESUMES: u8 = 3;
/// The longest feigned speech in seconds.
const SPEECH_SECONDS_MAX: i32 = 60;

/// How the next resume of a session fails.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Sabotage {
    until: Instant,
    /// Resumes that end without a message before one succeeds; none when one ends after its messages.
    silent: Option<u8>,
}

/// What becomes of a resume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) enum Resume {
    /// It goes well.
    Succeeds,
    /// The websocket ends after the messages.
    EndsAfter,
    /// The websocket ends without a message.
    EndsBefore,
}

impl Sabotage {
    /// What becomes of a resume now; counts it.
    pub(in crate::world) fn strike(sabotage: &mut Option<Self>, now: Instant) -> Resume {
        let Some(mut plan) = sabotage.take().filter(|it| now <= it.until) else { return Resume::Succeeds };
        match &mut plan.silent {
            None => Resume::EndsAfter,
            Some(0) => Resume::Succeeds,
            Some(left) => {
                *left -= 1;
                *sabotage = Some(plan);
                Resume::EndsBefore
            }
        }
    }
}

impl World {
    /// A client wants to see how it copes.
    pub(super) fn simulate(&mut self, sid: &ParticipantSid, request: &proto::SimulateScenario, now: Now) {
        match request.scenario {
            Some(Scenario::SpeakerUpdate(seconds)) => {
                let seconds = seconds.clamp(0, SPEECH_SECONDS_MAX).unsigned_abs();
                self.feign_speech(sid, Duration::from_secs(seconds.into()), now);
            }
            // The client finds its session gone when it resumes.
            Some(Scenario::NodeFailure(true) | Scenario::Migration(true)) => {
                self.room.leave(sid, LeaveReason::SignalClosed, now.monotonic);
            }
            Some(Scenario::ServerLeave(true)) => {
                self.tell(sid, Message::Leave(leave(LeaveReason::ServerShutdown, Action::Disconnect)));
                self.room.leave(sid, LeaveReason::SignalClosed, now.monotonic);
            }
            Some(Scenario::LeaveRequestFullReconnect(true)) => {
                self.room.leave(sid, LeaveReason::StateMismatch, now.monotonic);
            }
            Some(Scenario::DisconnectSignalOnResume(true)) => self.sabotage(sid, None, now),
            Some(Scenario::DisconnectSignalOnResumeNoMessages(true)) => self.sabotage(sid, Some(SILENT_RESUMES), now),
            Some(Scenario::SwitchCandidateProtocol(protocol)) => self.prefer_protocol(sid, protocol),
            Some(Scenario::SubscriberBandwidth(bps)) => self.limit_rate(sid, bps),
            _ => {}
        }
    }

    fn sabotage(&mut self, sid: &ParticipantSid, silent: Option<u8>, now: Now) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.sabotage = Some(Sabotage { until: now.monotonic + SABOTAGE_TIME_MAX, silent });
        }
    }

    /// The client is sent no more than this many bits per second; nothing more than 0 takes the limit away.
    fn limit_rate(&mut self, sid: &ParticipantSid, bps: i64) {
        let bps = u64::try_from(bps).ok().filter(|&bps| bps > 0);
        let peers: Vec<_> = self.sessions.get(sid).iter().flat_map(|it| it.links()).map(|link| link.key).collect();
        for peer in peers {
            self.command(Command::LimitRate { peer, bps });
        }
    }

    /// From here on, descriptions for this identity name only our addresses of one protocol, if there are such.
    fn prefer_protocol(&mut self, sid: &ParticipantSid, protocol: i32) {
        let Some(identity) = self.sessions.get(sid).map(|it| it.identity.clone()) else { return };
        let preferred = match CandidateProtocol::try_from(protocol) {
            Ok(CandidateProtocol::Tcp | CandidateProtocol::Tls) => Some(door::Protocol::Tcp),
            Ok(CandidateProtocol::Udp) | Err(_) => None,
        };
        match preferred.filter(|_| self.preferences.len() < PREFERENCES_MAX) {
            Some(protocol) => _ = self.preferences.insert(identity, protocol),
            None => _ = self.preferences.remove(&identity),
        }
    }
}

/// Identities of a room whose preferred protocol is remembered; a test hook needs no more.
const PREFERENCES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resumes_fail_as_often_as_asked_and_only_soon() {
        let now = Instant::now();
        let until = now + SABOTAGE_TIME_MAX;
        let mut silent = Some(Sabotage { until, silent: Some(2) });
        let outcomes: Vec<_> = (0..3).map(|_| Sabotage::strike(&mut silent, now)).collect();
        assert_eq!(outcomes, [Resume::EndsBefore, Resume::EndsBefore, Resume::Succeeds]);
        let mut after = Some(Sabotage { until, silent: None });
        assert_eq!(Sabotage::strike(&mut after, now), Resume::EndsAfter);
        assert_eq!(Sabotage::strike(&mut after, now), Resume::Succeeds);
        let mut late = Some(Sabotage { until, silent: None });
        assert_eq!(Sabotage::strike(&mut late, until + SABOTAGE_TIME_MAX), Resume::Succeeds);
    }
}
