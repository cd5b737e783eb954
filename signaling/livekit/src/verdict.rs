//! Why a participant's call is bad, in words: a pure judgement of what is measured.
//!
//! Each rule looks at one cause. Of causes that explain each other the deeper one is told: a computer that is short of CPU
//! is accused only when its uplink is innocent.

use serde::Serialize;

use crate::view::{EncodingView, PersonView, TrackView, WatchView};

/// Loss that is heard and seen, in thousandths.
const LOSS_BAD: u16 = 30;
/// Loss that makes a call useless.
const LOSS_AWFUL: u16 = 150;
/// Jitter that buffers cannot hide, in milliseconds.
const JITTER_BAD_MS: u16 = 60;
/// Round trips from which on people talk over each other (ITU-T G.114: 150 ms one way), in milliseconds.
const RTT_BAD_MS: u16 = 400;
/// A camera that showed at least so many pictures in a second is meant to.
const FPS_MEANT: u16 = 15;
/// Below this part of what it showed before, it stutters.
const FPS_STUTTER: f32 = 0.5;
/// How long a client may take until its media is up, in seconds.
const CONNECT_S: u64 = 15;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It hurts.
    Bad,
    /// It is not as good as it could be.
    Fair,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// How bad it is.
    pub severity: Severity,
    /// A word for machines.
    pub cause: &'static str,
    /// A sentence for people.
    pub text: String,
}

/// What is wrong with somebody's call, the worst first; nothing when all is well.
pub fn judge(who: &PersonView) -> Vec<Verdict> {
    let rules = [connection, path, uplink, downlink, distance, computer, link];
    let mut verdicts: Vec<Verdict> = rules.iter().filter_map(|rule| rule(who)).collect();
    // What a busy computer sends comes late.
    if verdicts.iter().any(|it| it.cause == "cpu") {
        verdicts.retain(|it| it.cause != "uplink_jitter");
    }
    verdicts.sort_by_key(|verdict| verdict.severity);
    verdicts
}

/// Its media never came up, or is gone.
fn connection(who: &PersonView) -> Option<Verdict> {
    let name = called(who);
    if !who.connected && who.here_s >= CONNECT_S {
        let text = format!("{name} has no media connection: neither UDP, TCP nor TURN gets through");
        return Some(Verdict { severity: Severity::Bad, cause: "no_media", text });
    }
    if who.connected && who.silent {
        let text = format!("Nothing is heard of {name}: the network is gone, or the tab sleeps");
        return Some(Verdict { severity: Severity::Bad, cause: "silent", text });
    }
    let text = format!("{name} lost the signal connection and may come back");
    (!who.signalled && who.kind != "ingress").then_some(Verdict { severity: Severity::Fair, cause: "no_signal", text })
}

/// It came by a detour.
fn path(who: &PersonView) -> Option<Verdict> {
    let name = called(who);
    let (cause, text) = match who.leg? {
        "tcp" => ("udp_blocked", format!("UDP is blocked: {name} reaches us by TCP only")),
        "turn" => ("relayed", format!("The direct way is blocked: {name} reaches us through TURN only")),
        _ => return None,
    };
    Some(Verdict { severity: Severity::Fair, cause, text })
}

fn uplink(who: &PersonView) -> Option<Verdict> {
    let name = called(who);
    let (loss, jitter) = (who.up.loss_permille.unwrap_or(0), who.up.jitter_ms.unwrap_or(0));
    if loss >= LOSS_BAD {
        let text = format!("{name}'s uplink loses {} % of packets", percent(loss));
        return Some(Verdict { severity: by_loss(loss), cause: "uplink_loss", text });
    }
    let text = format!("{name}'s uplink trembles: packets come up to {jitter} ms late");
    (jitter >= JITTER_BAD_MS).then_some(Verdict { severity: Severity::Fair, cause: "uplink_jitter", text })
}

/// A gap on the way up is none of the loss that is measured on the way down; what came late came late for its viewers, too.
fn downlink(who: &PersonView) -> Option<Verdict> {
    let name = called(who);
    let loss = who.down.loss_permille.unwrap_or(0);
    let jitter = own(who.down.jitter_ms, who.watches.iter().map(|watch| watch.up_jitter_ms).max());
    if loss >= LOSS_BAD {
        let text = format!("{name}'s downlink loses {} % of packets", percent(loss));
        return Some(Verdict { severity: by_loss(loss), cause: "downlink_loss", text });
    }
    let text = format!("{name}'s downlink trembles: packets come up to {jitter} ms late");
    (jitter >= JITTER_BAD_MS).then_some(Verdict { severity: Severity::Fair, cause: "downlink_jitter", text })
}

/// What of a viewer's jitter its publishers' uplinks do not explain: nothing when it is less than half as much again, since
/// both are measured over other moments.
fn own(down: Option<u16>, up: Option<u16>) -> u16 {
    let up = up.unwrap_or(0);
    let more = down.unwrap_or(0).saturating_sub(up);
    if more > up / 2 { more } else { 0 }
}

fn distance(who: &PersonView) -> Option<Verdict> {
    let rtt_ms = who.rtt_ms.filter(|rtt_ms| *rtt_ms >= RTT_BAD_MS)?;
    let text = format!("{} is far away: {rtt_ms} ms there and back", called(who));
    Some(Verdict { severity: Severity::Fair, cause: "far", text })
}

/// A camera stutters although nothing is lost on the way.
fn computer(who: &PersonView) -> Option<Verdict> {
    if who.up.loss_permille.unwrap_or(0) >= LOSS_BAD || who.silent {
        return None;
    }
    let cameras = who.tracks.iter().filter(|track| track.is_video && !track.muted && !is_screen(track));
    let stutters = |best: &EncodingView| {
        best.fps_best >= FPS_MEANT && f32::from(best.fps) < FPS_STUTTER * f32::from(best.fps_best)
    };
    // The smoothest encoding speaks for the camera: larger ones are the first to suffer.
    let smoothest = |track: &TrackView| track.encodings.iter().copied().max_by_key(|it| (it.fps, it.fps_best));
    let worst = cameras.filter_map(smoothest).filter(stutters).min_by_key(|it| it.fps)?;
    let (name, fps, best) = (called(who), worst.fps, worst.fps_best);
    let text = format!("{name}'s computer is short of CPU: it sends {fps} of {best} frames");
    Some(Verdict { severity: Severity::Bad, cause: "cpu", text })
}

/// Its link carries less than it wishes.
fn link(who: &PersonView) -> Option<Verdict> {
    let videos = || who.watches.iter().filter(|watch| watch.is_video && !watch.off);
    let (paused, limited) = (videos().filter(|it| it.paused).count(), videos().filter(|it| it.limited).count());
    let allows = match who.estimate_bps {
        Some(bps) => format!("{}'s link allows {}", called(who), rate(bps)),
        None => format!("{}'s link is full", called(who)),
    };
    if paused > 0 {
        let text = format!("{allows}: {paused} of {} videos are paused", videos().count());
        return Some(Verdict { severity: Severity::Bad, cause: "link_paused", text });
    }
    let layer = videos().filter(|it| it.limited).map(layer).min()?;
    let text = format!("{allows}: gets the {} layer{}", layer.1, if limited > 1 { " of most videos" } else { "" });
    Some(Verdict { severity: Severity::Fair, cause: "link_small", text })
}

/// The layer that is watched, with its name among those that are sent.
fn layer(watch: &WatchView) -> (u8, &'static str) {
    let spatial = watch.layer.map_or(0, |(spatial, _)| spatial);
    let name = match (spatial, watch.layers) {
        (0, _) => "small",
        (spatial, layers) if spatial.saturating_add(1) < layers => "middle",
        _ => "large, but slow",
    };
    (spatial, name)
}

fn by_loss(permille: u16) -> Severity {
    if permille >= LOSS_AWFUL / 2 { Severity::Bad } else { Severity::Fair }
}

fn is_screen(track: &TrackView) -> bool {
    track.source.starts_with("screen_share")
}

fn called(who: &PersonView) -> &str {
    if who.name.is_empty() { &who.identity } else { &who.name }
}

fn percent(permille: u16) -> u16 {
    permille.saturating_add(5) / 10
}

/// A rate as people say it.
fn rate(bps: u64) -> String {
    match bps {
        1_000_000.. => format!("{:.1} Mb/s", bps as f64 / 1e6),
        // Two digits are all that an estimate knows.
        100_000.. => format!("{} kb/s", (bps + 5_000) / 10_000 * 10),
        _ => format!("{} kb/s", bps / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Way;

    fn who(name: &str) -> PersonView {
        PersonView {
            name: name.into(),
            identity: name.to_lowercase(),
            kind: "standard".into(),
            here_s: 60,
            signalled: true,
            connected: true,
            leg: Some("udp"),
            rtt_ms: Some(30),
            up: lossy(0),
            down: lossy(0),
            ..PersonView::default()
        }
    }

    fn lossy(permille: u16) -> Way {
        Way { bps: 500_000, loss_permille: Some(permille), jitter_ms: Some(5) }
    }

    fn camera(source: &str, encodings: &[(u16, u16)]) -> TrackView {
        let encodings = (0..).zip(encodings).map(|(index, (fps, fps_best))| EncodingView {
            index,
            bps: 100_000,
            fps: *fps,
            fps_best: *fps_best,
        });
        TrackView { source: source.into(), is_video: true, encodings: encodings.collect(), ..TrackView::default() }
    }

    fn watch(layer: Option<(u8, u8)>, limited: bool, paused: bool) -> WatchView {
        WatchView { is_video: true, layer, layers: 3, limited, paused, ..WatchView::default() }
    }

    fn texts(who: &PersonView) -> Vec<String> {
        judge(who).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn one_cause_at_a_time() {
        for (who, expected) in [
            (who("Ada"), ""),
            (PersonView { up: lossy(29), down: lossy(29), ..who("Ada") }, ""),
            (PersonView { up: lossy(80), ..who("Ada") }, "Ada's uplink loses 8 % of packets"),
            (PersonView { down: lossy(226), ..who("Ada") }, "Ada's downlink loses 23 % of packets"),
            (
                PersonView { up: Way { jitter_ms: Some(90), ..lossy(0) }, ..who("Ada") },
                "Ada's uplink trembles: packets come up to 90 ms late",
            ),
            (PersonView { leg: Some("tcp"), ..who("Carol") }, "UDP is blocked: Carol reaches us by TCP only"),
            (
                PersonView { leg: Some("turn"), ..who("Carol") },
                "The direct way is blocked: Carol reaches us through TURN only",
            ),
            (PersonView { rtt_ms: Some(620), ..who("Dan") }, "Dan is far away: 620 ms there and back"),
            (
                PersonView { connected: false, leg: None, ..who("Eve") },
                "Eve has no media connection: neither UDP, TCP nor TURN gets through",
            ),
            (PersonView { connected: false, leg: None, here_s: 3, ..who("Eve") }, ""),
            (
                PersonView { silent: true, ..who("Eve") },
                "Nothing is heard of Eve: the network is gone, or the tab sleeps",
            ),
            (PersonView { signalled: false, ..who("Eve") }, "Eve lost the signal connection and may come back"),
            (PersonView { signalled: false, kind: "ingress".into(), ..who("Encoder") }, ""),
            (PersonView { name: String::new(), up: lossy(100), ..who("Ada") }, "ada's uplink loses 10 % of packets"),
        ] {
            assert_eq!(texts(&who).join(" | "), expected);
        }
    }

    #[test]
    fn a_computer_is_accused_when_its_link_is_innocent() {
        let bob = |tracks: Vec<TrackView>| PersonView { tracks, ..who("Bob") };
        let short = "Bob's computer is short of CPU: it sends 7 of 30 frames";
        for (tracks, expected) in [
            (vec![camera("camera", &[(7, 30)])], short),
            (vec![camera("camera", &[(7, 30), (3, 30)])], short),
            (vec![camera("camera", &[(29, 30), (9, 30)])], ""),
            (vec![camera("camera", &[(15, 30)])], ""),
            (vec![camera("camera", &[(4, 10)])], ""),
            (vec![camera("screen_share", &[(1, 30)])], ""),
            (vec![TrackView { muted: true, ..camera("camera", &[(0, 30)]) }], ""),
            (vec![camera("camera", &[])], ""),
            (vec![camera("camera", &[(28, 30)]), camera("camera", &[(7, 30)])], short),
        ] {
            assert_eq!(texts(&bob(tracks)).join(" | "), expected);
        }
        let late = Way { jitter_ms: Some(90), ..lossy(0) };
        assert_eq!(texts(&PersonView { up: late, ..bob(vec![camera("camera", &[(7, 30)])]) }), [short]);
        let lossy = PersonView { up: lossy(120), ..bob(vec![camera("camera", &[(7, 30)])]) };
        assert_eq!(texts(&lossy), ["Bob's uplink loses 12 % of packets"]);
    }

    #[test]
    fn a_small_link_is_named_with_what_it_gives() {
        let dan = |estimate_bps, watches: Vec<WatchView>| PersonView { estimate_bps, watches, ..who("Dan") };
        for (estimate, watches, expected) in [
            (Some(304_000), vec![watch(Some((0, 2)), true, false)], "Dan's link allows 300 kb/s: gets the small layer"),
            (
                Some(1_460_000),
                vec![watch(Some((1, 2)), true, false)],
                "Dan's link allows 1.5 Mb/s: gets the middle layer",
            ),
            (
                Some(90_500),
                vec![watch(None, true, true), watch(Some((0, 0)), true, false)],
                "Dan's link allows 90 kb/s: 1 of 2 videos are paused",
            ),
            (None, vec![watch(Some((0, 1)), true, false)], "Dan's link is full: gets the small layer"),
            (Some(5_000_000), vec![watch(Some((2, 2)), false, false)], ""),
            (Some(300_000), vec![WatchView { off: true, ..watch(None, true, true) }], ""),
        ] {
            assert_eq!(texts(&dan(estimate, watches)).join(" | "), expected);
        }
    }

    #[test]
    fn a_viewer_is_not_blamed_for_its_publishers_uplink() {
        let late = |jitter_ms| Way { jitter_ms: Some(jitter_ms), ..lossy(0) };
        let bad = WatchView { up_loss_permille: 200, up_jitter_ms: 80, ..watch(Some((2, 2)), false, false) };
        let bob = |down| PersonView { down, watches: vec![bad.clone()], ..who("Bob") };
        // Loss is measured leg by leg; jitter adds up on the way.
        for (down, expected) in [
            (lossy(0), ""),
            (lossy(50), "Bob's downlink loses 5 % of packets"),
            (late(95), ""),
            (late(150), "Bob's downlink trembles: packets come up to 70 ms late"),
        ] {
            assert_eq!(texts(&bob(down)).join(" | "), expected, "{down:?}");
        }
    }

    #[test]
    fn the_worst_comes_first() {
        let both = PersonView { leg: Some("tcp"), up: lossy(300), ..who("Ada") };
        assert_eq!(judge(&both).iter().map(|it| it.cause).collect::<Vec<_>>(), ["uplink_loss", "udp_blocked"]);
    }
}
