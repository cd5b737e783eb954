//! `thalweg room`: asks a running server for its rooms, over the same API that back ends use.

mod ask;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgAction, ArgMatches, Command};
use livekit::token::{AccessToken, Secret};
use serde_json::{Value, json};

use crate::StartError;
use crate::config::Config;
use ask::{Address, ask};

/// Life of the token that one errand needs.
const TOKEN_TTL: Duration = Duration::from_secs(60);

/// What to ask, and of whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errand {
    wish: Wish,
    url: Option<String>,
    api_key: Option<String>,
    is_json: bool,
}

/// What to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Wish {
    List,
    Inspect(String),
    Delete(String),
    Remove(String, String),
}

pub(super) fn command(common: impl Fn(Command) -> Command) -> Command {
    let room = || Arg::new("room").value_name("ROOM").required(true).help("Its name");
    let url = Arg::new("url").long("url").value_name("URL").help("The server [this machine's, by the configuration]");
    let key = Arg::new("api-key").long("api-key").value_name("KEY").help("The key to sign with [the first]");
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("The answer as the server gives it");
    let with = |command: Command| common(command).args([url.clone(), key.clone(), json.clone()]);
    Command::new("room")
        .about("List, inspect and end rooms of a running server")
        .subcommand_required(true)
        .subcommand(with(Command::new("list").about("All rooms")))
        .subcommand(with(Command::new("inspect").about("Who is in a room, and what they publish").arg(room())))
        .subcommand(with(Command::new("delete").about("End a room; everybody in it is told").arg(room())))
        .subcommand(with(
            Command::new("remove")
                .about("Send somebody out of a room; the tokens of before are void")
                .args([room(), Arg::new("identity").value_name("IDENTITY").required(true).help("Who")]),
        ))
}

impl Errand {
    /// Reads the command line; gives the matches in which the configuration's flags are.
    pub(super) fn of(matches: &ArgMatches) -> Option<(Self, &ArgMatches)> {
        let (name, matches) = matches.subcommand()?;
        let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
        let room = || text("room").unwrap_or_default();
        let wish = match name {
            "list" => Wish::List,
            "inspect" => Wish::Inspect(room()),
            "delete" => Wish::Delete(room()),
            _ => Wish::Remove(room(), text("identity").unwrap_or_default()),
        };
        let is_json = matches.get_flag("json");
        Some((Self { wish, url: text("url"), api_key: text("api-key"), is_json }, matches))
    }

    /// Asks, and gives what is to be printed.
    ///
    /// # Errors
    /// When there is no key, the server is not reached, or it says no.
    pub(super) async fn run(&self, config: &Config) -> Result<String, StartError> {
        let address = match &self.url {
            Some(url) => Address::parse(url).ok_or_else(|| StartError::RoomUrl(url.clone()))?,
            None => Address::of(config),
        };
        let (method, body) = self.request();
        let answer = ask(&address, method, &self.token(config)?, &body).await?;
        if self.is_json {
            return Ok(format!("{answer:#}\n"));
        }
        Ok(match &self.wish {
            Wish::List => rooms(&answer),
            Wish::Inspect(room) => people(room, &answer),
            Wish::Delete(room) => format!("{room} has ended\n"),
            Wish::Remove(room, identity) => format!("{identity} is out of {room}\n"),
        })
    }

    fn request(&self) -> (&'static str, Value) {
        match &self.wish {
            Wish::List => ("ListRooms", json!({})),
            Wish::Inspect(room) => ("ListParticipants", json!({ "room": room })),
            Wish::Delete(room) => ("DeleteRoom", json!({ "room": room })),
            Wish::Remove(room, identity) => ("RemoveParticipant", json!({ "room": room, "identity": identity })),
        }
    }

    fn token(&self, config: &Config) -> Result<String, StartError> {
        let first = || config.keys.keys().next().cloned().unwrap_or_default();
        let key = self.api_key.clone().unwrap_or_else(first);
        let secret = config.keys.get(&key).ok_or_else(|| StartError::ConfigKeyUnknown(key.clone()))?;
        let token = AccessToken::new(key).ttl(TOKEN_TTL).grant(|grant| match &self.wish {
            Wish::List => grant.room_list = true,
            Wish::Delete(_) => grant.room_create = true,
            Wish::Inspect(room) | Wish::Remove(room, _) => {
                grant.room_admin = true;
                grant.room.clone_from(room);
            }
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(token.mint(&Secret::new(secret.expose()), now.as_secs()))
    }
}

/// Where the server of a configuration is, as a browser writes it.
pub(super) fn home(config: &Config) -> String {
    Address::of(config).to_string()
}

/// A table of rooms.
fn rooms(answer: &Value) -> String {
    let rows = list(answer, "rooms").iter().map(|room| {
        [text(room, "name"), text(room, "num_participants"), text(room, "num_publishers"), text(room, "sid")]
    });
    table(["room", "people", "publishing", "id"], rows.collect())
}

/// A table of people, with what they publish.
fn people(room: &str, answer: &Value) -> String {
    let rows = list(answer, "participants").iter().map(|who| {
        let tracks = list(who, "tracks").iter().map(|track| {
            let muted = if track["muted"] == Value::Bool(true) { " (muted)" } else { "" };
            format!("{} {}{muted}", text(track, "source").to_lowercase(), text(track, "mime_type"))
        });
        let tracks: Vec<String> = tracks.collect();
        [text(who, "identity"), text(who, "state").to_lowercase(), text(who, "kind").to_lowercase(), tracks.join(", ")]
    });
    format!("{room}\n{}", table(["who", "state", "kind", "publishes"], rows.collect()))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// A field as a person reads it. What comes from others has no control characters afterwards.
fn text(value: &Value, name: &str) -> String {
    let text = match &value[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}

fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    let all: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_and_people_are_tables() {
        let answer =
            json!({ "rooms": [{ "name": "river", "num_participants": 12, "num_publishers": 1, "sid": "RM_x" }] });
        assert_eq!(rooms(&answer), "room   people  publishing  id\nriver  12      1           RM_x\n");
        let answer = json!({ "participants": [{
            "identity": "a\u{7}da", "state": "ACTIVE", "kind": "AGENT",
            "tracks": [{ "source": "CAMERA", "mime_type": "video/VP8", "muted": true }],
        }] });
        let told = people("river", &answer);
        assert!(told.ends_with("a\u{fffd}da  active  agent  camera video/VP8 (muted)\n"), "{told}");
        assert_eq!(rooms(&json!({})), "room  people  publishing  id\n");
    }
}
