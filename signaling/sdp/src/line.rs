//! Text -> lines and attributes (RFC 8866 section 5). Bare line feeds and empty lines are tolerated.

use crate::error::{Fault, SdpError, quote};
use crate::limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX};

/// One line of a description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub(crate) number: u32,
    /// The letter before the equals sign.
    pub(crate) letter: char,
    /// What follows it.
    pub(crate) value: &'a str,
}

impl<'a> Line<'a> {
    /// Name and value of an `a=` line; the value of a flag is empty.
    pub(crate) fn attribute(&self) -> (&'a str, &'a str) {
        self.value.split_once(':').unwrap_or((self.value, ""))
    }

    /// Says what is wrong with this line.
    pub(crate) fn error(&self, fault: Fault) -> SdpError {
        SdpError { line: self.number, fault }
    }
}

/// All lines of `text`, or the error that ends the reading.
pub(crate) fn lines(text: &str) -> Result<impl Iterator<Item = Result<Line<'_>, SdpError>>, SdpError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SdpError { line: 1, fault: Fault::TextTooLong(text.len()) });
    }
    let numbered = text.split('\n').map(|it| it.trim_end_matches('\r')).zip(1..);
    Ok(numbered.filter(|(it, _)| !it.is_empty()).map(|(it, number)| line(it, number)))
}

fn line(text: &str, number: u32) -> Result<Line<'_>, SdpError> {
    if text.len() > LINE_BYTES_MAX {
        return Err(SdpError { line: number, fault: Fault::LineTooLong(text.len()) });
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        // A control character could end a line for other readers when a value is repeated (RFC 8866 section 9).
        (Some(letter), Some('=')) if letter.is_ascii_lowercase() && !text.contains(char::is_control) => {
            Ok(Line { number, letter, value: chars.as_str().trim() })
        }
        _ => Err(SdpError { line: number, fault: Fault::NotALine(quote(text)) }),
    }
}
