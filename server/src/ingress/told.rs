//! What a stream's codecs told of themselves, in words for its creator, as long as they should know it.

use std::time::{Duration, Instant};

use transcode::State;

/// A restart and skipped pictures are worth a word for so long: whoever looks now and then must not miss them.
const FRESH: Duration = Duration::from_secs(30);

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// A part of the stream that they do not know, until its form changes.
    unsupported: Option<String>,
    /// The layers that are left out, by their index.
    dropped: Vec<u8>,
    skipped: Option<Instant>,
    restarted: Option<(Instant, String)>,
    restarts: u32,
}

impl Told {
    /// Notes a state. True when it is a restart.
    pub(super) fn hear(&mut self, state: &State, now: Instant) -> bool {
        match state {
            State::Restarting(failure) => {
                self.restarts = self.restarts.saturating_add(1);
                self.restarted = Some((now, failure.to_string()));
                // The next child begins with all layers.
                self.dropped.clear();
                return true;
            }
            State::Unsupported(text) => self.unsupported = Some(text.clone()),
            State::LayerDropped { layer, .. } if !self.dropped.contains(layer) => self.dropped.push(*layer),
            State::LayerRestored { layer } => self.dropped.retain(|dropped| dropped != layer),
            State::Skipped(_) => self.skipped = Some(now),
            State::Running | State::Layers(_) | State::LayerDropped { .. } | State::GaveUp(_) => {}
        }
        false
    }

    /// The stream has another form.
    pub(super) fn renew(&mut self) {
        self.unsupported = None;
    }

    /// What is to be said of it at present.
    pub(super) fn remarks(&self, now: Instant) -> Vec<String> {
        let fresh = |at: Instant| now.saturating_duration_since(at) < FRESH;
        let restarted = self.restarted.as_ref().filter(|(at, _)| fresh(*at));
        let restarted = restarted.map(|(_, why)| match self.restarts {
            1 => format!("the transcoder was restarted: {why}"),
            times => format!("the transcoder was restarted {times} times, last because {why}"),
        });
        let dropped = match self.dropped.len() {
            0 => None,
            1 => Some("the server's CPU is short: the largest layer is left out".to_owned()),
            layers => Some(format!("the server's CPU is short: the {layers} largest layers are left out")),
        };
        let skipped = self.skipped.filter(|at| fresh(*at));
        let skipped = skipped.map(|_| "the server's CPU is short: pictures are skipped".to_owned());
        [self.unsupported.clone(), restarted, dropped, skipped].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use transcode::Failure;

    use super::*;

    #[test]
    fn what_passed_is_forgotten_and_what_lasts_is_not() {
        let (mut told, start) = (Told::default(), Instant::now());
        assert!(told.remarks(start).is_empty());
        told.hear(&State::Unsupported("four channels".into()), start);
        told.hear(&State::LayerDropped { layer: 0, busy_percent: 120 }, start);
        told.hear(&State::Skipped(5), start);
        assert_eq!(told.remarks(start).len(), 3);
        assert_eq!(told.remarks(start + FRESH).len(), 2);
        told.hear(&State::LayerDropped { layer: 1, busy_percent: 120 }, start);
        assert!(told.remarks(start + FRESH)[1].contains("the 2 largest layers"));
        told.hear(&State::LayerRestored { layer: 1 }, start);
        assert!(told.remarks(start + FRESH)[1].contains("the largest layer is"));
        told.renew();
        assert_eq!(told.remarks(start + FRESH).len(), 1);
    }

    #[test]
    fn restarts_are_counted() {
        let (mut told, start) = (Told::default(), Instant::now());
        told.hear(&State::LayerDropped { layer: 0, busy_percent: 120 }, start);
        assert!(told.hear(&State::Restarting(Failure::Hung(1000)), start));
        assert_eq!(told.remarks(start), ["the transcoder was restarted: its process gave no sign of life for 1000 ms"]);
        assert!(told.hear(&State::Restarting(Failure::Spun(3000)), start));
        assert!(told.remarks(start)[0].contains("restarted 2 times"));
    }
}
