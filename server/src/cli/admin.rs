//! `thalweg admin`: a link to the operators' page with a token in it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgMatches, Command};
use livekit::token::{AccessToken, Secret};

use crate::StartError;
use crate::config::{self, Config};

/// How long the link is good when nothing is said: a shift.
const TTL_DEFAULT: &str = "12h";

/// What the link is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errand {
    url: Option<String>,
    api_key: Option<String>,
    ttl: Duration,
}

pub(super) fn command(common: impl Fn(Command) -> Command) -> Command {
    let url = Arg::new("url").long("url").value_name("URL").help("The server [this machine's, by the configuration]");
    let key = Arg::new("api-key").long("api-key").value_name("KEY").help("The key to sign with [the first]");
    let ttl = |text: &str| config::duration(text).ok_or("a number and a unit such as 10m or 6h");
    let ttl = Arg::new("ttl").long("ttl").value_name("DURATION").default_value(TTL_DEFAULT).value_parser(ttl);
    common(Command::new("admin").about("Print a link to the operators' page; who has it sees all rooms")).args([
        url,
        key,
        ttl.help("How long the link is good"),
    ])
}

impl Errand {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let ttl = matches.get_one::<Duration>("ttl").copied().unwrap_or_default();
        Self { url: text("url"), api_key: text("api-key"), ttl }
    }

    /// The link.
    ///
    /// # Errors
    /// When the configuration has no such key.
    pub(super) fn link(&self, config: &Config) -> Result<String, StartError> {
        let first = || config.keys.keys().next().cloned().unwrap_or_default();
        let key = self.api_key.clone().unwrap_or_else(first);
        let secret = config.keys.get(&key).ok_or_else(|| StartError::ConfigKeyUnknown(key.clone()))?;
        let token = AccessToken::new(key).ttl(self.ttl).grant(|grant| {
            (grant.room_list, grant.room_admin) = (true, true);
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let token = token.mint(&Secret::new(secret.expose()), now.as_secs());
        let url = self.url.clone().unwrap_or_else(|| super::room::home(config));
        Ok(format!("{}/admin#token={token}\n", url.trim_end_matches('/')))
    }
}
