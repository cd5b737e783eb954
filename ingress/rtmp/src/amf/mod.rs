//! Action Message Format: AMF0, and as much of AMF3 as encoders put into commands and metadata.

mod amf0;
mod amf3;
mod writer;

pub use amf0::Decoder;
pub(crate) use writer::Encoder;

use crate::Fault;
use crate::limits::{AMF_DEPTH_MAX, AMF_STRING_BYTES_MAX, AMF_VALUES_MAX};

/// One value. Those that no command needs (references, XML, byte arrays) are `Undefined`.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Any number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// Text; bytes that are no UTF-8 are replaced.
    String(String),
    /// Names and values, in the sender's order.
    Object(Vec<(String, Self)>),
    /// Values.
    Array(Vec<Self>),
    /// Null.
    Null,
    /// Undefined, or of no use here.
    Undefined,
}

impl Value {
    /// The first value called `name` in an object.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// A number, if it is one and finite.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number).filter(|it| it.is_finite()) } else { None }
    }

    /// Text, if it is some.
    pub fn text(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
}

/// The bytes that are left of one message, and what it may still hold.
#[derive(Clone, Debug)]
struct Source<'a> {
    rest: &'a [u8],
    values_left: usize,
    depth_left: usize,
}

impl<'a> Source<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest, values_left: AMF_VALUES_MAX, depth_left: AMF_DEPTH_MAX }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Fault::PeerAmf)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number<const LEN: usize>(&mut self) -> Result<[u8; LEN], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<LEN>().ok_or(Fault::PeerAmf)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn text(&mut self, len: usize) -> Result<String, Fault> {
        if len > AMF_STRING_BYTES_MAX {
            return Err(Fault::PeerAmfSize);
        }
        self.take(len).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// One more value.
    fn count(&mut self) -> Result<(), Fault> {
        self.values_left = self.values_left.checked_sub(1).ok_or(Fault::PeerAmfSize)?;
        Ok(())
    }

    /// Reads what is one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Fault::PeerAmfDepth)?;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
