//! The commands of a publisher (RTMP 1.0 section 7.2, and what encoders add).

use crate::Fault;
use crate::amf::{Decoder, Value};
use crate::limits::{ENCODER_CHARS_MAX, NAME_BYTES_MAX};

/// One command with its transaction number, by which it is answered.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Command {
    pub(crate) transaction: f64,
    pub(crate) verb: Verb,
}

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Verb {
    /// Enter an application.
    Connect(Connect),
    /// Announces a stream's name; asks for nothing that matters.
    ReleaseStream,
    /// Announces a stream's name.
    FcPublish(String),
    /// Make a message stream.
    CreateStream,
    /// Begin to publish on the message's stream.
    Publish(String),
    /// The named stream ends.
    FcUnpublish,
    /// This message stream ends.
    DeleteStream(u32),
    /// The message's own stream ends.
    CloseStream,
    /// Begin to play.
    Play,
    /// Something else that wants an answer.
    Other,
}

/// Who enters which application.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Connect {
    pub(crate) app: String,
    /// The client's program.
    pub(crate) client: String,
    /// 0 or 3; repeated in the answer.
    pub(crate) object_encoding: f64,
}

impl Command {
    /// Reads a command message. AMF3 command messages begin with one byte more.
    pub(crate) fn parse(payload: &[u8], is_amf3: bool) -> Result<Self, Fault> {
        let body = if is_amf3 { payload.split_first().ok_or(Fault::PeerAmf)?.1 } else { payload };
        let mut decoder = Decoder::new(body);
        let name = decoder.value()?.and_then(|value| value.text().map(str::to_owned)).ok_or(Fault::PeerAmf)?;
        let transaction = decoder.value()?.and_then(|value| value.number()).unwrap_or(0.0);
        let object = decoder.value()?.unwrap_or(Value::Undefined);
        let argument = decoder.value()?.unwrap_or(Value::Undefined);
        let stream = || argument.text().unwrap_or_default().to_owned();
        let verb = match name.as_str() {
            "connect" => Verb::Connect(connect(&object)?),
            "releaseStream" => Verb::ReleaseStream,
            "FCPublish" => Verb::FcPublish(checked(stream())?),
            "createStream" => Verb::CreateStream,
            "publish" => Verb::Publish(checked(stream())?),
            "FCUnpublish" => Verb::FcUnpublish,
            // A number that is no stream's names none.
            "deleteStream" => Verb::DeleteStream(argument.number().map_or(0, |number| number as u32)),
            "closeStream" => Verb::CloseStream,
            "play" | "play2" => Verb::Play,
            _ => Verb::Other,
        };
        Ok(Self { transaction, verb })
    }
}

fn connect(object: &Value) -> Result<Connect, Fault> {
    let text = |name: &str| object.field(name).and_then(Value::text).unwrap_or_default().to_owned();
    let object_encoding = object.field("objectEncoding").and_then(Value::number).unwrap_or(0.0);
    Ok(Connect {
        app: checked(text("app"))?,
        client: text("flashVer").chars().take(ENCODER_CHARS_MAX).collect(),
        object_encoding,
    })
}

fn checked(name: String) -> Result<String, Fault> {
    if name.len() > NAME_BYTES_MAX { Err(Fault::PeerName) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf::Encoder;

    fn command(name: &str, argument: &str) -> Vec<u8> {
        Encoder::default().string(name).number(4.0).null().string(argument).finish()
    }

    #[test]
    fn reads_a_publishers_commands() {
        for (name, verb) in [
            ("releaseStream", Verb::ReleaseStream),
            ("FCPublish", Verb::FcPublish("key".into())),
            ("publish", Verb::Publish("key".into())),
            ("FCUnpublish", Verb::FcUnpublish),
            ("play", Verb::Play),
            ("_checkbw", Verb::Other),
        ] {
            let parsed = Command::parse(&command(name, "key"), false);
            assert_eq!(parsed, Ok(Command { transaction: 4.0, verb: verb.clone() }), "{name}");
            let amf3 = [&[0][..], &command(name, "key")].concat();
            assert_eq!(Command::parse(&amf3, true), Ok(Command { transaction: 4.0, verb }), "{name}");
        }
        let delete = Encoder::default().string("deleteStream").number(0.0).null().number(3.0).finish();
        assert_eq!(Command::parse(&delete, false).unwrap().verb, Verb::DeleteStream(3));
    }

    #[test]
    fn reads_who_connects() {
        let object = |it: Encoder| it.name("app").string("live").name("flashVer").string("FMLE/3.0");
        let bytes = Encoder::default().string("connect").number(1.0).object(object).finish();
        let connect = Connect { app: "live".into(), client: "FMLE/3.0".into(), object_encoding: 0.0 };
        assert_eq!(Command::parse(&bytes, false).unwrap().verb, Verb::Connect(connect));
    }

    #[test]
    fn refuses_what_is_no_command() {
        assert_eq!(Command::parse(&[], false), Err(Fault::PeerAmf));
        assert_eq!(Command::parse(&[], true), Err(Fault::PeerAmf));
        assert_eq!(Command::parse(&[5], false), Err(Fault::PeerAmf));
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(Command::parse(&command("publish", &long), false), Err(Fault::PeerName));
    }
}
