//! The command line: a flag for each key of the configuration, and a few errands.

mod admin;
mod keys;
mod load;
mod room;
mod token;
mod transcode_child;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::sync::Arc;
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use crate::config::schema::{self, Key, Shape, Standing};
use crate::config::{Config, Fault, Sources};
use crate::{StartError, doctor, serve};

pub use token::Wish;

/// Variables that hold a whole configuration text; the first one set counts.
const BODY_VARIABLES: [&str; 2] = ["THALWEG_CONFIG", "LIVEKIT_CONFIG"];
const HEADING: &str = "Configuration (every key of the file; file < environment < flags)";

/// What the program was called for.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Serve(Asked),
    /// Print a token.
    Token(Asked, Box<Wish>),
    /// Print a new key and secret.
    Keys,
    /// Check a configuration.
    CheckConfig(Asked),
    /// Look at the machine with the eyes of a configuration.
    Doctor(Asked),
    /// Ask a running server for its rooms.
    Room(Asked, Box<room::Errand>),
    /// Print a link to the operators' page.
    Admin(Asked, admin::Errand),
    /// Load a running server.
    Load(Box<load::Errand>),
    /// Be the codecs' process of a running server.
    TranscodeChild,
}

/// Where the configuration is to be found; nothing is read before [`Asked::config`].
#[derive(Clone, Debug)]
pub struct Asked {
    path: Option<String>,
    body: Option<(String, String)>,
    sources: Sources,
}

/// Understands the command line.
///
/// # Errors
/// When it cannot be understood, and when it asks for help or the version.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: BTreeMap<String, String>,
) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    Ok(match matches.subcommand() {
        Some(("token", matches)) => Invocation::Token(asked(matches, environment), Box::new(Wish::of(matches))),
        Some(("keys", _)) => Invocation::Keys,
        Some(("load", matches)) => Invocation::Load(Box::new(load::Errand::of(matches, &environment))),
        Some((transcode_child::NAME, _)) => Invocation::TranscodeChild,
        Some(("room", matches)) => match room::Errand::of(matches) {
            Some((errand, matches)) => Invocation::Room(asked(matches, environment), Box::new(errand)),
            None => return Err(command().error(clap::error::ErrorKind::MissingSubcommand, "what of the rooms?")),
        },
        Some(("admin", matches)) => Invocation::Admin(asked(matches, environment), admin::Errand::of(matches)),
        Some(("doctor", matches)) => Invocation::Doctor(asked(matches, environment)),
        Some(("check-config", matches)) => Invocation::CheckConfig(asked(matches, environment)),
        _ => Invocation::Serve(asked(&matches, environment)),
    })
}

impl Invocation {
    /// Does what was asked for; a server runs until it is told to stop.
    ///
    /// # Errors
    /// When it cannot be done, in words for the operator.
    pub fn run(self) -> Result<(), StartError> {
        match self {
            Self::Serve(asked) => {
                let (config, warnings) = asked.clone().config()?;
                let reread = move || asked.clone().config().map(|(config, _)| config);
                serve::serve(&config, &warnings, Arc::new(reread))
            }
            Self::Token(asked, wish) => {
                let (config, _) = asked.config()?;
                println!("{}", wish.mint(&config)?);
                Ok(())
            }
            Self::Keys => {
                print!("{}", keys::fresh());
                Ok(())
            }
            Self::TranscodeChild => transcode_child::run(),
            Self::Load(errand) => errand.run(),
            Self::Room(asked, errand) => {
                let (config, _) = asked.config()?;
                print!("{}", runtime()?.block_on(errand.run(&config))?);
                Ok(())
            }
            Self::Admin(asked, errand) => {
                let (config, _) = asked.config()?;
                print!("{}", errand.link(&config)?);
                Ok(())
            }
            Self::Doctor(asked) => {
                let (config, warnings) = asked.config()?;
                let report = runtime()?.block_on(doctor::examine(&config, &warnings, SystemTime::now()));
                print!("{}", report.text);
                if report.faults == 0 { Ok(()) } else { Err(StartError::DoctorFaults(report.faults)) }
            }
            Self::CheckConfig(asked) => {
                let (_, warnings) = asked.config()?;
                warnings.iter().for_each(|warning| println!("warning: {warning}"));
                println!("the configuration is good");
                Ok(())
            }
        }
    }
}

impl Asked {
    /// Reads the file, if one was named, and checks everything; the second value is warnings.
    ///
    /// # Errors
    /// When the file cannot be read, and all faults of the configuration.
    pub fn config(mut self) -> Result<(Config, Vec<Fault>), StartError> {
        self.sources.file = match self.path {
            Some(path) => match fs::read_to_string(&path) {
                Ok(text) => Some((path, text)),
                Err(source) => return Err(StartError::ConfigFile { path, source }),
            },
            None => self.body,
        };
        Ok(Config::read(&self.sources)?)
    }
}

/// A runtime for one errand.
fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|source| StartError::Io { what: "start the runtime", source })
}

/// The configuration's flags, out of sight.
fn with_config(command: Command) -> Command {
    command.args(config_args()).args(schema::keys().iter().map(|key| key_arg(key).hide(true)))
}

fn command() -> Command {
    Command::new("thalweg")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A self-hosted WebRTC server that speaks LiveKit's protocol")
        .long_about(
            "A self-hosted WebRTC server that speaks LiveKit's protocol.\n\n\
             Without a configuration and without keys it runs in development mode: on loopback, with a key that \
             everybody knows.",
        )
        .args_conflicts_with_subcommands(true)
        .args(config_args())
        .args(schema::keys().iter().map(key_arg))
        .subcommand(token::command().args(config_args()).args(schema::keys().iter().map(|key| key_arg(key).hide(true))))
        .subcommand(transcode_child::command())
        .subcommand(load::command())
        .subcommand(Command::new("keys").about("Print a new API key and its secret, for the file's keys section"))
        .subcommand(room::command(with_config))
        .subcommand(admin::command(with_config))
        .subcommand(
            Command::new("doctor")
                .about("Look at ports, addresses, certificates, names and limits, and say what is wrong and how to mend it")
                .args(config_args())
                .args(schema::keys().iter().map(|key| key_arg(key).hide(true))),
        )
        .subcommand(
            Command::new("check-config")
                .about("Check a configuration file, together with the environment, and tell all its faults")
                .arg(Arg::new("file").value_name("FILE").help("The file"))
                .args(config_args())
                .group(ArgGroup::new("checked").args(["file", "config", "config-body"]).required(true)),
        )
}

fn config_args() -> [Arg; 2] {
    [
        Arg::new("config").long("config").value_name("FILE").help("Configuration file, YAML"),
        Arg::new("config-body").long("config-body").value_name("YAML").help("The configuration itself"),
    ]
}

fn key_arg(key: &Key) -> Arg {
    let arg = Arg::new(key.path).long(key.path).help(key.help).help_heading(HEADING);
    let arg = arg.hide(key.standing != Standing::Used);
    let arg = match key.short_flag() {
        Some(flag) => arg.visible_alias(flag),
        None => arg,
    };
    match key.shape {
        Shape::Switch => arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true"),
        Shape::Word(name) | Shape::Yaml(name) => arg.value_name(name).allow_hyphen_values(true),
        Shape::Words(name) => arg.value_name(name).action(ArgAction::Append),
    }
}

fn asked(matches: &ArgMatches, environment: BTreeMap<String, String>) -> Asked {
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let given = text("config-body").map(|body| ("--config-body".to_owned(), body));
    let body = given.or_else(|| {
        let set = BODY_VARIABLES.into_iter().find_map(|name| environment.get_key_value(name));
        set.filter(|(_, body)| !body.is_empty()).map(|(name, body)| (name.clone(), body.clone()))
    });
    let flags = schema::keys().iter().filter_map(|key| {
        let values = matches.try_get_many::<String>(key.path).ok().flatten()?;
        Some((key, key.path.to_owned(), values.cloned().collect()))
    });
    Asked {
        path: text("config").or_else(|| text("file")),
        body,
        sources: Sources { file: None, flags: flags.collect(), environment },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UdpPorts;

    fn invoke(line: &str, environment: &[(&str, &str)]) -> Invocation {
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse(line.split(' ').map(OsString::from), pairs.collect()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn config(line: &str, environment: &[(&str, &str)]) -> Config {
        let Invocation::Serve(asked) = invoke(line, environment) else { panic!("{line} runs the server") };
        asked.config().unwrap_or_else(|error| panic!("{error}")).0
    }

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn nothing_runs_in_development_mode() {
        assert!(config("thalweg", &[]).development);
        assert!(config("thalweg --port 0", &[]).development);
        assert!(config("thalweg --dev", &[]).development);
        assert!(!config("thalweg", &[("LIVEKIT_KEYS", "k: 0123456789abcdef0123456789abcdef")]).development);
    }

    #[test]
    fn keys_and_their_short_flags() {
        let config = config("thalweg --rtc.udp_port 7000 --port 1 --bind 127.0.0.1 --bind ::1 --logging.json", &[]);
        assert_eq!((config.rtc.udp, config.http.port), (UdpPorts::One(7000), 1));
        assert_eq!(config.http.bind.len(), 2);
        assert!(config.logging.json);
        assert_eq!(self::config("thalweg --udp-port 9 --node-ip 192.0.2.1", &[]).rtc.udp, UdpPorts::One(9));
    }

    #[test]
    fn a_body_from_the_environment() {
        let body = "port: 5\nkeys: {k: 0123456789abcdef0123456789abcdef}";
        assert_eq!(config("thalweg", &[("LIVEKIT_CONFIG", body)]).http.port, 5);
        assert_eq!(config("thalweg --port 6", &[("THALWEG_CONFIG", body)]).http.port, 6);
    }

    #[test]
    fn errands() {
        assert!(matches!(invoke("thalweg keys", &[]), Invocation::Keys));
        assert!(matches!(invoke("thalweg transcode-child", &[]), Invocation::TranscodeChild));
        assert!(matches!(invoke("thalweg room inspect river --port 1", &[]), Invocation::Room(..)));
        assert!(matches!(invoke("thalweg doctor --config x.yaml --port 1", &[]), Invocation::Doctor(_)));
        for line in ["thalweg check-config x.yaml", "thalweg check-config --config x.yaml"] {
            let Invocation::CheckConfig(asked) = invoke(line, &[]) else { panic!("a check was asked for") };
            assert_eq!(asked.path.as_deref(), Some("x.yaml"));
        }
        let Invocation::Token(asked, wish) = invoke("thalweg token --room r --identity i --can-publish=false", &[])
        else {
            panic!("a token was asked for");
        };
        let token = wish.mint(&asked.config().unwrap().0).unwrap();
        assert_eq!(token.split('.').count(), 3);
    }

    #[test]
    fn what_cannot_be_understood() {
        for line in [
            "thalweg --prot 1",
            "thalweg tokn",
            "thalweg token --room r",
            "thalweg token --room r --identity i --ttl 9",
        ] {
            let error = parse(line.split(' ').map(OsString::from), BTreeMap::new()).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
