//! The parser's session half: collects lines, then settles what holds for the whole description.

use std::collections::BTreeSet;

use door::{Fingerprint, IceCredentials};
use wire::Mid;

use crate::description::{Description, Setup, Transport};
use crate::error::{Fault, SdpError, quote};
use crate::limits::{ICE_OPTIONS_MAX, PWD_BYTES, SECTIONS_MAX, UFRAG_BYTES};
use crate::line::{Line, lines};
use crate::section::{Direction, Section};
use crate::section_draft::SectionDraft;

/// Reads a description.
pub(crate) fn parse(text: &str) -> Result<Description, SdpError> {
    let mut session = SessionDraft::default();
    let mut sections: Vec<SectionDraft> = Vec::new();
    let mut lines = lines(text)?;
    let first = lines.next().transpose()?;
    if !first.is_some_and(|it| it.letter == 'v' && it.value == "0") {
        return Err(SdpError { line: first.map_or(1, |it| it.number), fault: Fault::Version });
    }
    for line in lines {
        let line = line?;
        match line.letter {
            'm' if sections.len() == SECTIONS_MAX => {
                return Err(line.error(Fault::TooMany { what: "sections", max: SECTIONS_MAX }));
            }
            'm' => sections.push(SectionDraft::begin(&line).map_err(|it| line.error(it))?),
            'a' => attribute(&line, &mut session, sections.last_mut()).map_err(|it| line.error(it))?,
            _ => {}
        }
    }
    session.finish(sections)
}

/// What is known of the session while its lines are read.
#[derive(Default)]
struct SessionDraft {
    transport: TransportDraft,
    ice_options: Vec<String>,
    extmap_allow_mixed: bool,
    bundle: Vec<Mid>,
    direction: Option<Direction>,
}

/// The attributes that may stand in the session or in a section.
#[derive(Default)]
pub(crate) struct TransportDraft {
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<Fingerprint>,
    /// Line and name of the first hash that is not served.
    other_hash: Option<(u32, String)>,
    setup: Option<Setup>,
}

fn attribute(line: &Line<'_>, session: &mut SessionDraft, section: Option<&mut SectionDraft>) -> Result<(), Fault> {
    let (name, value) = line.attribute();
    match name {
        "ice-options" => return session.options(value),
        "extmap-allow-mixed" => session.extmap_allow_mixed = true,
        "ice-ufrag" | "ice-pwd" | "fingerprint" | "setup" => {
            let transport = section.map_or(&mut session.transport, |it| &mut it.transport);
            return transport.attribute(line.number, name, value);
        }
        _ => match section {
            Some(section) => return section.attribute(name, value),
            None => return session.attribute(name, value),
        },
    }
    Ok(())
}

impl SessionDraft {
    fn attribute(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if name == "group" && self.bundle.is_empty() {
            self.group(value)?;
        }
        self.direction = Direction::named(name).or(self.direction);
        Ok(())
    }

    fn group(&mut self, value: &str) -> Result<(), Fault> {
        let Some(mids) = value.strip_prefix("BUNDLE") else { return Ok(()) };
        for mid in mids.split_ascii_whitespace() {
            if self.bundle.len() == SECTIONS_MAX {
                return Err(Fault::TooMany { what: "mids in a group", max: SECTIONS_MAX });
            }
            self.bundle.push(Mid::new(mid.as_bytes()).ok_or_else(|| Fault::malformed("mid in a group", mid))?);
        }
        Ok(())
    }

    fn options(&mut self, value: &str) -> Result<(), Fault> {
        for word in value.split_ascii_whitespace() {
            if self.ice_options.iter().any(|it| it == word) {
                continue;
            }
            if self.ice_options.len() == ICE_OPTIONS_MAX {
                return Err(Fault::TooMany { what: "ICE options", max: ICE_OPTIONS_MAX });
            }
            self.ice_options.push(word.to_owned());
        }
        Ok(())
    }

    fn finish(self, drafts: Vec<SectionDraft>) -> Result<Description, SdpError> {
        let default = self.direction.unwrap_or(Direction::SendRecv);
        let (mut sections, mut transports) = (Vec::new(), Vec::new());
        let mut mids = BTreeSet::new();
        for draft in drafts {
            let line = draft.line;
            let (section, transport) = draft.finish(default).map_err(|fault| SdpError { line, fault })?;
            if !mids.insert(section.mid) {
                return Err(SdpError { line, fault: Fault::DuplicateMid(section.mid) });
            }
            sections.push(section);
            transports.push((line, transport));
        }
        let carrier = carrier(&self.bundle, &sections);
        let transport = match carrier.and_then(|it| transports.into_iter().nth(it)) {
            Some((line, own)) => Some(own.settle(self.transport, line)?),
            None => None,
        };
        let Self { ice_options, extmap_allow_mixed, bundle, .. } = self;
        Ok(Description { transport, ice_options, extmap_allow_mixed, bundle, sections })
    }
}

/// Index of the section whose transport all share (RFC 8843 section 7.3.1): the group's first that is alive.
fn carrier(bundle: &[Mid], sections: &[Section]) -> Option<usize> {
    let alive = |mid: &Mid| sections.iter().position(|it| it.mid == *mid && !it.rejected);
    bundle.iter().find_map(alive).or_else(|| sections.iter().position(|it| !it.rejected))
}

impl TransportDraft {
    fn attribute(&mut self, line: u32, name: &str, value: &str) -> Result<(), Fault> {
        // A colon would make the STUN user name ambiguous (RFC 8445 section 7.2.2).
        let plain = value.bytes().all(|it| it.is_ascii_graphic() && it != b':');
        match name {
            "ice-ufrag" if plain && UFRAG_BYTES.contains(&value.len()) => self.ufrag = Some(value.to_owned()),
            // A password is a secret: the error does not repeat it.
            "ice-pwd" if !plain || !PWD_BYTES.contains(&value.len()) => return Err(Fault::malformed("ice-pwd", "...")),
            "ice-pwd" => self.pwd = Some(value.to_owned()),
            "setup" => self.setup = setup(value)?,
            "fingerprint" => self.hash(line, value)?,
            _ => return Err(Fault::malformed("ice-ufrag", value)),
        }
        Ok(())
    }

    fn hash(&mut self, line: u32, value: &str) -> Result<(), Fault> {
        let (hash, digits) = value.split_once(' ').unwrap_or((value, ""));
        if !hash.eq_ignore_ascii_case("sha-256") {
            self.other_hash.get_or_insert_with(|| (line, quote(hash)));
            return Ok(());
        }
        let parsed = fingerprint(digits.trim()).ok_or_else(|| Fault::malformed("fingerprint", value))?;
        self.fingerprint.get_or_insert(parsed);
        Ok(())
    }

    /// Completes a section's attributes with the session's.
    fn settle(self, session: Self, line: u32) -> Result<Transport, SdpError> {
        let missing = |what| SdpError { line, fault: Fault::Missing(what) };
        let other_hash = self.other_hash.or(session.other_hash);
        let fingerprint = self.fingerprint.or(session.fingerprint).ok_or_else(|| match other_hash {
            Some((line, hash)) => SdpError { line, fault: Fault::FingerprintHash(hash) },
            None => missing("a=fingerprint"),
        })?;
        let ufrag = self.ufrag.or(session.ufrag).ok_or_else(|| missing("a=ice-ufrag"))?;
        let pwd = self.pwd.or(session.pwd).ok_or_else(|| missing("a=ice-pwd"))?;
        let setup = self.setup.or(session.setup).unwrap_or(Setup::ActPass);
        Ok(Transport { ice: IceCredentials { ufrag, pwd }, fingerprint, setup })
    }
}

fn setup(value: &str) -> Result<Option<Setup>, Fault> {
    match value {
        "actpass" => Ok(Some(Setup::ActPass)),
        "active" => Ok(Some(Setup::Active)),
        "passive" => Ok(Some(Setup::Passive)),
        // Written in rejected sections by some stacks.
        "holdconn" => Ok(None),
        _ => Err(Fault::malformed("setup", value)),
    }
}

fn fingerprint(digits: &str) -> Option<Fingerprint> {
    let mut bytes = [0; 32];
    let mut pairs = digits.split(':');
    for byte in &mut bytes {
        let pair = pairs.next().filter(|it| it.len() == 2 && it.bytes().all(|it| it.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(Fingerprint(bytes))
}
