//! A whole description: the session part and all sections.

use door::{DtlsRole, Fingerprint, IceCredentials};
use wire::Mid;

use crate::error::SdpError;
use crate::section::Section;

/// Who starts DTLS, as the writer of the description offers or decides (RFC 8842).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setup {
    /// The writer does either; only in offers.
    ActPass,
    /// The writer starts.
    Active,
    /// The writer waits.
    Passive,
}

impl Setup {
    /// What the other end does then; the server waits when it may choose.
    pub fn our_role(self) -> DtlsRole {
        match self {
            Self::ActPass | Self::Active => DtlsRole::Passive,
            Self::Passive => DtlsRole::Active,
        }
    }
}

/// How to meet the writer: of the BUNDLE group's first section, else of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transport {
    /// The writer's credentials.
    pub ice: IceCredentials,
    /// What its certificate hashes to.
    pub fingerprint: Fingerprint,
    /// Its side of DTLS.
    pub setup: Setup,
}

/// An offer or answer.
#[derive(Clone, Debug)]
pub struct Description {
    /// How to meet the writer; `None` only when no section is alive.
    pub transport: Option<Transport>,
    /// Words of `a=ice-options`, unknown ones too.
    pub ice_options: Vec<String>,
    /// One- and two-byte header extensions may be mixed (RFC 8285 section 4.1.2).
    pub extmap_allow_mixed: bool,
    /// The first BUNDLE group; empty when there is none.
    pub bundle: Vec<Mid>,
    /// All sections in order, dead ones too.
    pub sections: Vec<Section>,
}

impl Description {
    /// Reads an offer or answer. Unknown attributes are ignored.
    ///
    /// # Errors
    /// The first line that is malformed or passes a limit of [`crate::limits`], or the first thing that is missing.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        crate::draft::parse(text)
    }

    /// The section named `mid`.
    pub fn section(&self, mid: Mid) -> Option<&Section> {
        self.sections.iter().find(|it| it.mid == mid)
    }

    /// Whether `section` can be alive in an answer: it shares the one transport that the server has.
    pub(crate) fn carries(&self, section: &Section) -> bool {
        let first = || self.sections.iter().find(|it| !it.rejected).is_some_and(|it| it.mid == section.mid);
        !section.rejected && (self.bundle.contains(&section.mid) || (self.bundle.is_empty() && first()))
    }
}
