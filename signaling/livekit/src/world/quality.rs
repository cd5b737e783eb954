//! How good everybody's connection is, and who is told.
//!
//! The rating follows the simplified E-model (ITU-T G.107): from 100, delay and loss take their share.

use std::collections::BTreeMap;

use door::{Flow, Health, PeerKey};
use livekit_protocol as proto;
use proto::ConnectionQuality;
use proto::signal_response::Message;
use room::ParticipantSid;

use super::World;
use super::session::Session;

/// The rating without fault.
const RATING_BEST: f32 = 100.0;
/// Above this a connection is excellent.
const EXCELLENT_ABOVE: f32 = 80.0;
/// Above this it is good, else poor.
const GOOD_ABOVE: f32 = 40.0;
/// What one percent of loss costs. Higher than the E-model's 2.5 for speech: pictures suffer more.
const LOSS_WEIGHT: f32 = 4.0;
/// One-way delay up to which conversation is easy, in milliseconds.
const DELAY_EASY_MS: f32 = 160.0;
/// LiveKit's scores go from 0 to 5.
const SCORES: f32 = 20.0;
/// Clients before this protocol version know nothing of quality.
const KNOWS_QUALITY: i32 = 5;
/// Clients before this protocol version do not know a lost connection.
const KNOWS_LOST: i32 = 11;

/// What is known of one participant's connections.
#[derive(Debug)]
pub(super) struct Condition {
    health: BTreeMap<PeerKey, Health>,
    told: ConnectionQuality,
    rating: f32,
}

impl Default for Condition {
    fn default() -> Self {
        Self { health: BTreeMap::new(), told: ConnectionQuality::Excellent, rating: RATING_BEST }
    }
}

impl Condition {
    /// Rates anew; whether it is another quality than before. Nothing heard of a connection is worse than any loss.
    fn rate(&mut self, silent: bool) -> bool {
        self.rating = if silent { 0.0 } else { self.health.values().map(rating).fold(RATING_BEST, f32::min) };
        let quality = match self.rating {
            _ if silent => ConnectionQuality::Lost,
            rating if rating > EXCELLENT_ABOVE => ConnectionQuality::Excellent,
            rating if rating > GOOD_ABOVE => ConnectionQuality::Good,
            _ => ConnectionQuality::Poor,
        };
        std::mem::replace(&mut self.told, quality) != quality
    }
}

fn rating(health: &Health) -> f32 {
    let rtt = f32::from(health.rtt_ms.unwrap_or_default());
    let flows = health.up.into_iter().chain(health.down);
    flows.map(|flow| flow_rating(flow, rtt)).fold(RATING_BEST, f32::min)
}

fn flow_rating(flow: Flow, rtt_ms: f32) -> f32 {
    // A receiver holds packets back for about twice the jitter.
    let delay = rtt_ms / 2.0 + 2.0 * f32::from(flow.jitter_ms);
    let delay_cost = if delay < DELAY_EASY_MS { delay / 40.0 } else { (delay - 120.0) / 10.0 };
    let loss_cost = LOSS_WEIGHT * f32::from(flow.loss_permille) / 10.0;
    (RATING_BEST - delay_cost - loss_cost).max(0.0)
}

impl World {
    /// News of how media fares.
    pub(super) fn health(&mut self, health: &[Health]) {
        let mut changed = Vec::new();
        for health in health {
            let Some(sid) = self.peers.get(&health.peer) else { continue };
            let Some(session) = self.sessions.get_mut(sid) else { continue };
            session.condition.health.insert(health.peer, *health);
            if session.rate() {
                changed.push(sid.clone());
            }
        }
        self.tell_qualities(&changed);
    }

    /// Nothing is heard of a peer, or something again.
    pub(super) fn peer_silent(&mut self, peer: PeerKey, silent: bool) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(session) = self.sessions.get_mut(&sid) else { return };
        if let Some(link) = session.link_mut(peer) {
            link.silent = silent;
        }
        if session.rate() {
            self.tell_qualities(&[sid]);
        }
    }

    /// Tells each participant itself, and all that receive something of it.
    fn tell_qualities(&mut self, changed: &[ParticipantSid]) {
        if changed.is_empty() {
            return;
        }
        let mut messages = Vec::new();
        for session in self.sessions.values().filter(|it| it.connection.is_some()) {
            let concerns = |sid: &&ParticipantSid| {
                **sid == session.sid || session.downs.values().any(|down| down.publisher == **sid)
            };
            let infos: Vec<_> =
                changed.iter().filter(concerns).filter_map(|sid| self.quality_info(session, sid)).collect();
            if !infos.is_empty() {
                messages.push((session.sid.clone(), infos));
            }
        }
        for (sid, updates) in messages {
            self.tell(&sid, Message::ConnectionQuality(proto::ConnectionQualityUpdate { updates }));
        }
    }

    /// Tells `listener` how good `about`'s connection is.
    pub(super) fn tell_quality(&mut self, listener: &ParticipantSid, about: &ParticipantSid) {
        let info = self.sessions.get(listener).and_then(|session| self.quality_info(session, about));
        if let Some(info) = info {
            self.tell(listener, Message::ConnectionQuality(proto::ConnectionQualityUpdate { updates: vec![info] }));
        }
    }

    fn quality_info(&self, listener: &Session, about: &ParticipantSid) -> Option<proto::ConnectionQualityInfo> {
        let protocol = Some(listener.client.protocol).filter(|it| *it >= KNOWS_QUALITY)?;
        let condition = &self.sessions.get(about)?.condition;
        let quality = match condition.told {
            ConnectionQuality::Lost if protocol < KNOWS_LOST => ConnectionQuality::Poor,
            quality => quality,
        };
        let score = condition.rating / SCORES;
        Some(proto::ConnectionQualityInfo { participant_sid: about.to_string(), quality: quality.into(), score })
    }
}

impl Session {
    fn rate(&mut self) -> bool {
        let silent = self.links().any(|it| it.connected && it.silent);
        self.condition.rate(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_delay_cost() {
        let flow = |loss_permille, jitter_ms, rtt| flow_rating(Flow { loss_permille, jitter_ms }, rtt);
        assert_eq!(flow(0, 0, 0.0), RATING_BEST);
        assert!(flow(10, 10, 60.0) > EXCELLENT_ABOVE, "an ordinary mobile network");
        assert!(flow(60, 10, 60.0) < EXCELLENT_ABOVE && flow(60, 10, 60.0) > GOOD_ABOVE);
        assert!(flow(200, 0, 0.0) < GOOD_ABOVE);
        assert!(flow(0, 0, 1600.0) < GOOD_ABOVE);
        assert_eq!(flow(1000, 0, 0.0), 0.0);
        // The two branches of the delay's cost meet.
        assert!((flow(0, 0, 319.9) - flow(0, 0, 320.1)).abs() < 0.1);
    }
}
