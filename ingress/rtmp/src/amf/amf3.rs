//! AMF3 values within AMF0, as Flash-based encoders send them. References to objects become `Undefined`.

use super::{Source, Value};
use crate::Fault;

const UNDEFINED: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INTEGER: u8 = 4;
const DOUBLE: u8 = 5;
const STRING: u8 = 6;
const XML_DOCUMENT: u8 = 7;
const DATE: u8 = 8;
const ARRAY: u8 = 9;
const OBJECT: u8 = 10;
const XML: u8 = 11;
const BYTE_ARRAY: u8 = 12;

/// What earlier parts of the value are referred to by number. Its size is bounded by the number of values.
#[derive(Default)]
struct Seen {
    strings: Vec<String>,
    traits: Vec<Traits>,
}

/// How an object's fields are written.
#[derive(Clone)]
struct Traits {
    names: Vec<String>,
    is_dynamic: bool,
}

pub(super) fn value(source: &mut Source<'_>) -> Result<Value, Fault> {
    any(source, &mut Seen::default())
}

fn any(source: &mut Source<'_>, seen: &mut Seen) -> Result<Value, Fault> {
    source.count()?;
    Ok(match source.byte()? {
        UNDEFINED => Value::Undefined,
        NULL => Value::Null,
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        // Integers have 29 bits with sign.
        INTEGER => Value::Number(f64::from(((integer(source)? << 3) as i32) >> 3)),
        DOUBLE => Value::Number(f64::from_be_bytes(source.number()?)),
        STRING => Value::String(string(source, seen)?),
        XML_DOCUMENT | XML | BYTE_ARRAY => {
            skip(source, 1)?;
            Value::Undefined
        }
        DATE => {
            if integer(source)? & 1 == 1 {
                source.take(8)?;
            }
            Value::Undefined
        }
        ARRAY => source.deeper(|source| array(source, seen))?,
        OBJECT => source.deeper(|source| object(source, seen))?,
        _ => return Err(Fault::PeerAmf),
    })
}

/// Up to 29 bits, seven a byte, the highest first; a fourth byte brings eight.
fn integer(source: &mut Source<'_>) -> Result<u32, Fault> {
    let mut number = 0;
    for _ in 0..3 {
        let byte = source.byte()?;
        number = number << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Ok(number << 8 | u32::from(source.byte()?))
}

fn skip(source: &mut Source<'_>, unit: usize) -> Result<(), Fault> {
    let head = integer(source)?;
    if head & 1 == 1 {
        source.take((head >> 1) as usize * unit)?;
    }
    Ok(())
}

fn string(source: &mut Source<'_>, seen: &mut Seen) -> Result<String, Fault> {
    // A name counts as a value: both the table of names and the copies of what it holds stay bounded.
    source.count()?;
    let head = integer(source)?;
    if head & 1 == 0 {
        return seen.strings.get((head >> 1) as usize).cloned().ok_or(Fault::PeerAmf);
    }
    let text = source.text((head >> 1) as usize)?;
    if !text.is_empty() {
        seen.strings.push(text.clone());
    }
    Ok(text)
}

fn array(source: &mut Source<'_>, seen: &mut Seen) -> Result<Value, Fault> {
    let head = integer(source)?;
    if head & 1 == 0 {
        return Ok(Value::Undefined);
    }
    let named = dynamic(source, seen)?;
    let values: Vec<Value> = (0..head >> 1).map(|_| any(source, seen)).collect::<Result<_, _>>()?;
    Ok(if named.is_empty() { Value::Array(values) } else { Value::Object(named) })
}

fn object(source: &mut Source<'_>, seen: &mut Seen) -> Result<Value, Fault> {
    let head = integer(source)?;
    if head & 1 == 0 {
        return Ok(Value::Undefined);
    }
    let traits = traits(source, seen, head)?;
    let mut fields = Vec::new();
    for name in traits.names {
        fields.push((name, any(source, seen)?));
    }
    if traits.is_dynamic {
        fields.extend(dynamic(source, seen)?);
    }
    Ok(Value::Object(fields))
}

fn traits(source: &mut Source<'_>, seen: &mut Seen, head: u32) -> Result<Traits, Fault> {
    match head & 0b111 {
        0b001 | 0b101 => seen.traits.get((head >> 2) as usize).cloned().ok_or(Fault::PeerAmf),
        0b011 => {
            string(source, seen)?;
            let names = (0..head >> 4).map(|_| string(source, seen)).collect::<Result<_, _>>()?;
            let traits = Traits { names, is_dynamic: head & 0b1000 != 0 };
            seen.traits.push(traits.clone());
            Ok(traits)
        }
        // Only its class could read it.
        _ => Err(Fault::PeerAmf),
    }
}

/// Names and values up to an empty name.
fn dynamic(source: &mut Source<'_>, seen: &mut Seen) -> Result<Vec<(String, Value)>, Fault> {
    let mut fields = Vec::new();
    loop {
        let name = string(source, seen)?;
        if name.is_empty() {
            return Ok(fields);
        }
        fields.push((name, any(source, seen)?));
    }
}
