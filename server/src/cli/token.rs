//! `thalweg token`: an access token for trying things out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgMatches, Command, builder::BoolishValueParser};
use livekit::token::{AccessToken, Secret};

use crate::StartError;
use crate::config::{self, Config};

/// How long a token lives that names no time.
const TTL_DEFAULT: &str = "6h";

/// The permissions that may be given or withheld: flag, what it is about.
const PERMISSIONS: [(&str, &str); 5] = [
    ("can-publish", "publish audio and video [true]"),
    ("can-subscribe", "receive audio and video [true]"),
    ("can-publish-data", "send data [as --can-publish]"),
    ("can-update-own-metadata", "change the own name, metadata and attributes [false]"),
    ("room-admin", "moderate the room [false]"),
];

/// What the token should say.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub(crate) room: String,
    pub(crate) identity: String,
    pub(crate) name: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) api_key: Option<String>,
    pub(crate) permissions: [Option<bool>; PERMISSIONS.len()],
}

pub(super) fn command() -> Command {
    let word = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let permission = |(name, help): (&'static str, &'static str)| {
        let arg = word(name, "BOOL", help).value_parser(BoolishValueParser::new());
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    };
    Command::new("token")
        .about("Print an access token, signed with one of the configuration's keys")
        .arg(word("room", "NAME", "the room that it opens").required(true))
        .arg(
            word("identity", "NAME", "who joins with it; a second one of the same identity replaces the first")
                .required(true),
        )
        .arg(word("name", "TEXT", "the name that others see"))
        .arg(word("metadata", "TEXT", "a text of the application"))
        .arg(word("ttl", "DURATION", "how long it lives").default_value(TTL_DEFAULT).value_parser(ttl))
        .arg(word("api-key", "KEY", "the key to sign with [the first]"))
        .args(PERMISSIONS.map(permission))
}

fn ttl(text: &str) -> Result<Duration, String> {
    config::duration(text).ok_or_else(|| "a number and a unit such as 10m or 6h".to_owned())
}

impl Wish {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        Self {
            room: text("room").unwrap_or_default(),
            identity: text("identity").unwrap_or_default(),
            name: text("name"),
            metadata: text("metadata"),
            ttl: matches.get_one::<Duration>("ttl").copied(),
            api_key: text("api-key"),
            permissions: PERMISSIONS.map(|(name, _)| matches.get_one::<bool>(name).copied()),
        }
    }

    /// Signs the token with the key named, or the first.
    ///
    /// # Errors
    /// When the configuration has no such key.
    pub(crate) fn mint(&self, config: &Config) -> Result<String, StartError> {
        let first = || config.keys.keys().next().cloned().unwrap_or_default();
        let key = self.api_key.clone().unwrap_or_else(first);
        let secret = config.keys.get(&key).ok_or_else(|| StartError::ConfigKeyUnknown(key.clone()))?;
        let mut token = AccessToken::new(key).join(&self.room, &self.identity);
        if let Some(name) = &self.name {
            token = token.name(name);
        }
        if let Some(metadata) = &self.metadata {
            token = token.metadata(metadata);
        }
        if let Some(ttl) = self.ttl {
            token = token.ttl(ttl);
        }
        let [publish, subscribe, data, own_metadata, admin] = self.permissions;
        let token = token.grant(|grant| {
            grant.can_publish = publish;
            grant.can_subscribe = subscribe;
            grant.can_publish_data = data;
            grant.can_update_own_metadata = own_metadata;
            grant.room_admin = admin.unwrap_or(false);
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(token.mint(&Secret::new(secret.expose()), now.as_secs()))
    }
}
