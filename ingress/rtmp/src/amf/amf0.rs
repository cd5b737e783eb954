//! AMF0: values in a row, each behind a marker.

use super::{Source, Value, amf3};
use crate::Fault;

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const REFERENCE: u8 = 7;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;
const UNSUPPORTED: u8 = 13;
const XML: u8 = 15;
const TYPED_OBJECT: u8 = 16;
const AMF3: u8 = 17;

/// Reads the values of one message in order.
#[derive(Clone, Debug)]
pub struct Decoder<'a>(Source<'a>);

impl<'a> Decoder<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Source::new(bytes))
    }

    /// The next value; `None` at the end.
    ///
    /// # Errors
    /// When the bytes are no AMF0, or hold more than [`crate::limits`] allow.
    pub fn value(&mut self) -> Result<Option<Value>, Fault> {
        if self.0.rest.is_empty() { Ok(None) } else { value(&mut self.0).map(Some) }
    }
}

fn value(source: &mut Source<'_>) -> Result<Value, Fault> {
    let marker = source.byte()?;
    marked(source, marker)
}

fn marked(source: &mut Source<'_>, marker: u8) -> Result<Value, Fault> {
    source.count()?;
    Ok(match marker {
        NUMBER => Value::Number(f64::from_be_bytes(source.number()?)),
        BOOLEAN => Value::Boolean(source.byte()? != 0),
        STRING => Value::String(string(source)?),
        LONG_STRING => {
            let len = u32::from_be_bytes(source.number()?);
            Value::String(source.text(len as usize)?)
        }
        OBJECT => source.deeper(fields)?,
        TYPED_OBJECT => {
            string(source)?;
            source.deeper(fields)?
        }
        // The count is a hint: the end marker counts.
        ECMA_ARRAY => {
            source.number::<4>()?;
            source.deeper(fields)?
        }
        STRICT_ARRAY => {
            let count = u32::from_be_bytes(source.number()?);
            source.deeper(|source| (0..count).map(|_| value(source)).collect::<Result<_, _>>().map(Value::Array))?
        }
        DATE => {
            source.take(10)?;
            Value::Undefined
        }
        XML => {
            let len = u32::from_be_bytes(source.number()?);
            source.take(len as usize)?;
            Value::Undefined
        }
        REFERENCE => {
            source.take(2)?;
            Value::Undefined
        }
        NULL => Value::Null,
        UNDEFINED | UNSUPPORTED => Value::Undefined,
        AMF3 => amf3::value(source)?,
        _ => return Err(Fault::PeerAmf),
    })
}

fn fields(source: &mut Source<'_>) -> Result<Value, Fault> {
    let mut fields = Vec::new();
    loop {
        let name = string(source)?;
        // Some encoders leave the end of the last object out.
        if name.is_empty() && source.rest.is_empty() {
            return Ok(Value::Object(fields));
        }
        let marker = source.byte()?;
        if marker == OBJECT_END {
            return Ok(Value::Object(fields));
        }
        fields.push((name, marked(source, marker)?));
    }
}

fn string(source: &mut Source<'_>) -> Result<String, Fault> {
    let len = u16::from_be_bytes(source.number()?);
    source.text(usize::from(len))
}
