//! A client's offer, made fit for a room: its tracks under names of ours, its encodings from low to high.

use door::Kind;
use sdp::{Description, Section, SectionKind};

use crate::limits::{OFFER_BYTES_MAX, TRACKS_MAX};
use crate::refusal::Refusal;
use crate::text::{lines, push};

/// A track that a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedTrack {
    /// Its name in the offer as it is handed on.
    pub cid: String,
    /// Audio or video.
    pub kind: Kind,
    /// Its encodings, lowest first; empty when there is only one.
    pub rids: Vec<String>,
    /// It is stereo.
    pub stereo: bool,
    /// The codec that the client prefers, as SDP names it.
    pub codec: String,
}

/// What somebody offers who publishes (RFC 9725 section 4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    /// The offer to hand on.
    pub sdp: String,
    /// What it sends.
    pub tracks: Vec<OfferedTrack>,
}

/// What somebody offers who watches (draft-ietf-wish-whep section 4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watch {
    /// The offer to hand on.
    pub sdp: String,
    /// Audio sections that receive.
    pub sounds: usize,
    /// Video sections that receive.
    pub pictures: usize,
}

impl Publish {
    /// Reads an offer.
    ///
    /// # Errors
    /// When it cannot be read, or sends nothing or too much.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let offer = read(text)?;
        let sends = |it: &&Section| !it.rejected && it.direction.sends() && it.kind != SectionKind::Application;
        let tracks: Vec<_> = offer.sections.iter().filter(sends).filter_map(track).collect();
        match tracks.len() {
            0 => Err(Refusal::SendsNothing),
            1..=TRACKS_MAX => Ok(Self { sdp: renamed(text, &offer), tracks }),
            _ => Err(Refusal::TooManyTracks),
        }
    }
}

impl Watch {
    /// Reads an offer.
    ///
    /// # Errors
    /// When it cannot be read, or receives nothing.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let offer = read(text)?;
        let receives = |it: &&Section| !it.rejected && it.direction.receives();
        let count = |kind| offer.sections.iter().filter(receives).filter(|it| it.kind == kind).count();
        let (sounds, pictures) = (count(SectionKind::Audio), count(SectionKind::Video));
        if sounds + pictures == 0 {
            return Err(Refusal::ReceivesNothing);
        }
        Ok(Self { sdp: text.to_owned(), sounds, pictures })
    }
}

/// The same offer with other ICE credentials: what a client means that restarts ICE (RFC 9725 section 4.3.3).
pub fn restart(offer: &str, ufrag: &str, pwd: &str) -> String {
    let mut text = String::with_capacity(offer.len());
    for (_, line) in lines(offer) {
        if line.starts_with("a=ice-ufrag:") {
            push(&mut text, &format!("a=ice-ufrag:{ufrag}"));
        } else if line.starts_with("a=ice-pwd:") {
            push(&mut text, &format!("a=ice-pwd:{pwd}"));
        } else {
            push(&mut text, line);
        }
    }
    text
}

fn read(text: &str) -> Result<Description, Refusal> {
    if text.len() > OFFER_BYTES_MAX {
        return Err(Refusal::OfferLong);
    }
    let offer = Description::parse(text)?;
    if offer.transport.is_none() { Err(Refusal::Dead) } else { Ok(offer) }
}

fn track(section: &Section) -> Option<OfferedTrack> {
    let kind = section.kind.media()?;
    let stereo = section.codecs.iter().any(|it| it.name.eq_ignore_ascii_case("opus") && it.fmtp.contains("stereo=1"));
    let codec = section.formats().next().map(|(offered, _)| offered.name.clone()).unwrap_or_default();
    Some(OfferedTrack { cid: cid(section), kind, rids: ascending(section), stereo, codec })
}

/// Clients leave track ids out, or use one for several tracks.
fn cid(section: &Section) -> String {
    format!("{}-{}", section.kind.as_str(), section.mid)
}

/// The offer with our names of tracks and with encodings from low to high.
fn renamed(text: &str, offer: &Description) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    for (number, line) in lines(text) {
        let section = number.checked_sub(1).and_then(|index| offer.sections.get(index));
        let Some(section) = section.filter(|it| it.direction.sends() && it.kind != SectionKind::Application) else {
            push(&mut out, line);
            continue;
        };
        let named = line.starts_with("a=msid:") || (line.starts_with("a=ssrc:") && line.contains(" msid:"));
        if named {
            continue;
        }
        if line.starts_with("a=simulcast:") && !section.rids.is_empty() {
            push(&mut out, &format!("a=simulcast:send {}", ascending(section).join(";")));
            continue;
        }
        push(&mut out, line);
        if line.starts_with("m=") {
            push(&mut out, &format!("a=msid:- {}", cid(section)));
        }
    }
    out
}

/// Names that clients give encodings, each row from low to high.
const LADDERS: [&[&str]; 5] =
    [&["q", "h", "f"], &["l", "m", "h"], &["low", "mid", "high"], &["low", "medium", "high"], &["2", "1", "0"]];

/// A section's encodings, lowest first, as far as their names tell; else in the order of the offer.
fn ascending(section: &Section) -> Vec<String> {
    let mut rids: Vec<String> = section.rids.iter().map(|it| it.as_str().to_owned()).collect();
    let place = |ladder: &[&str], rid: &str| ladder.iter().position(|it| *it == rid);
    let ladder = LADDERS.iter().find(|ladder| rids.iter().all(|rid| place(ladder, rid).is_some()));
    if let Some(ladder) = ladder {
        rids.sort_by_key(|rid| place(ladder, rid));
    }
    rids
}

#[cfg(test)]
mod tests;
