//! `thalweg load`: simulated publishers and viewers against a running server.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::load::plan::PARTICIPANTS_MAX;
use ::load::{Knobs, LoadError, Options, Outcome, Scenario, Target, Tiles, bare, report};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::StartError;
use crate::config;

/// Where a server in development mode listens, and what it is opened with.
const URL_DEFAULT: &str = "ws://127.0.0.1:7880";
const KEY_DEFAULT: &str = "devkey";
const SECRET_DEFAULT: &str = "secret";
/// The word that asks for the bare loop alone.
const BARE: &str = "bare";

const HELP: &str = "\
Scenarios (several make a mix; @FILE reads them from a file, with # before comments):
  livestream:200      one publishes 720p at 1.5 Mb/s, 200 watch
  meeting:12          12 publish a camera in three layers and a microphone, and see and hear each other; three speak
  audio-room:3x300    3 speak, 300 listen
  churn:5x20          a livestream with 20 who stay, and 5 a second who come and go
  idle:1000           1000 are connected, and nothing flows
  bare [SCENARIO]...  no server at all: the least that anybody can do to send the same over loopback

Examples:
  thalweg load livestream:200 --server-pid $(pgrep -x thalweg) --bare --html report.html
  thalweg load meeting:12 --duration 30s --url ws://127.0.0.1:7880 --api-key devkey --api-secret secret
  thalweg load livestream:100 audio-room:3x50 churn:2 --json report.json
  thalweg load bare --receivers 200

Exit status: 0 when the run took place (with --strict: and was clean), 1 when not, 2 for a command line that is not
understood. docs/guide/load-testing.md tells what the figures mean.";

/// What to do.
#[derive(Debug)]
pub struct Errand {
    options: Result<Options, LoadError>,
    /// The bare loop alone.
    bare: bool,
    reports: Reports,
}

/// How to tell of it.
#[derive(Debug)]
struct Reports {
    json: Option<String>,
    html: Option<String>,
    markdown: bool,
    quiet: bool,
    strict: bool,
}

pub(super) fn command() -> Command {
    let value = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue);
    let time = |name: &'static str, default: &'static str, help: &'static str| {
        value(name, "DURATION", help).default_value(default).value_parser(duration)
    };
    Command::new("load")
        .about(
            "Load a running LiveKit-compatible server with simulated publishers and viewers, and report what it costs",
        )
        .after_help(HELP)
        .arg(
            Arg::new("scenario")
                .value_name("SCENARIO")
                .num_args(1..)
                .required(true)
                .help("What to simulate, see below"),
        )
        .arg(value("url", "URL", "The server [env LIVEKIT_URL] [default: ws://127.0.0.1:7880]"))
        .arg(value("api-key", "KEY", "A key that it knows [env LIVEKIT_API_KEY] [default: devkey]"))
        .arg(value("api-secret", "SECRET", "The key's secret [env LIVEKIT_API_SECRET] [default: secret]"))
        .arg(
            value("server-pid", "PID", "The server's process, to report its CPU time and memory")
                .value_parser(value_parser!(u32)),
        )
        .arg(
            value("rooms", "NAME,...", "The names of the scenarios' rooms, such as that of a call [default: made up]")
                .value_delimiter(','),
        )
        .arg(time("duration", "20s", "How long to measure, once everybody is there"))
        .arg(time("warmup", "3s", "How long to wait before that"))
        .arg(value("joins", "N", "How many join each second").default_value("50").value_parser(rate))
        .arg(flag("bare", "Do the same sends with the bare loop afterwards, and report the ratio"))
        .arg(value("json", "FILE", "Write the report as JSON (- for the standard output)"))
        .arg(value("html", "FILE", "Write the report as a page with charts"))
        .arg(flag("markdown", "Print a row of a Markdown table in place of the report"))
        .arg(flag("quiet", "No progress on the standard error"))
        .arg(flag("strict", "Fail unless all joined and nothing was lost, doubled, hidden or changed"))
        .args(knob_args())
}

/// What shapes the scenarios.
fn knob_args() -> [Arg; 10] {
    let arg = |name: &'static str, value: &'static str, default: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name(value).default_value(default).help(help);
        arg.help_heading("Shape")
    };
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).action(ArgAction::SetTrue).help_heading("Shape")
    };
    let most = i64::try_from(PARTICIPANTS_MAX).unwrap_or(i64::MAX);
    [
        arg("bitrate", "BITS", "1500000", "Payload of a livestream's camera, bits per second")
            .value_parser(value_parser!(u32).range(10_000..=100_000_000)),
        arg("keyframes", "DURATION", "4s", "Time between keyframes that nobody asks for").value_parser(duration),
        arg(
            "layout",
            "LAYOUT",
            "grid",
            "What participants of a meeting see: middle-sized tiles, or one large and small ones",
        )
        .value_parser(PossibleValuesParser::new(["grid", "speaker"])),
        arg("tiles", "N", "25", "How many tiles are visible").value_parser(value_parser!(u32)),
        arg("vanish", "N", "0", "One in N of those who come and go is gone without a goodbye; 0 is nobody")
            .value_parser(value_parser!(u32)),
        arg("stay", "DURATION", "5s", "How long one who comes and goes stays").value_parser(duration),
        flag("hidden", "Viewers and listeners are not announced to others"),
        flag("no-data", "Participants open no data channels"),
        arg("sample", "N", "31", "One packet of so many is decrypted and read in full")
            .value_parser(value_parser!(u32).range(1..=10_000)),
        arg("receivers", "N", "50", "Receivers of the bare loop, where no scenario is named")
            .value_parser(value_parser!(u32).range(1..=most)),
    ]
}

fn duration(text: &str) -> Result<Duration, String> {
    let found = config::duration(text).filter(|it| (Duration::from_millis(100)..=DURATION_MAX).contains(it));
    found.ok_or_else(|| "a number and a unit such as 20s or 5m, up to 24h".to_owned())
}

/// The longest run.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

fn rate(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|it| (0.1..=10_000.0).contains(it));
    found.ok_or_else(|| "a number from 0.1 to 10000".to_owned())
}

impl Errand {
    pub(super) fn of(matches: &ArgMatches, environment: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let words: Vec<String> = matches.get_many::<String>("scenario").into_iter().flatten().cloned().collect();
        let bare = words.first().is_some_and(|it| it == BARE);
        Self {
            options: options(matches, environment, &words[usize::from(bare)..]),
            bare,
            reports: Reports {
                json: text("json"),
                html: text("html"),
                markdown: matches.get_flag("markdown"),
                quiet: matches.get_flag("quiet"),
                strict: matches.get_flag("strict"),
            },
        }
    }

    /// Runs the test and writes the reports.
    ///
    /// # Errors
    /// When it cannot be run, a report cannot be written, or strictness finds fault.
    pub(super) fn run(self) -> Result<(), StartError> {
        let (options, reports) = (self.options?, self.reports);
        if self.bare {
            return run_bare(&options);
        }
        let mut tell = |second: &::load::Second| {
            if !reports.quiet {
                eprintln!("{}", report::progress(second));
            }
        };
        let outcome = ::load::run(&options, &mut tell)?;
        reports.write(&outcome)?;
        if reports.strict && !outcome.is_clean() { Err(StartError::LoadUnclean) } else { Ok(()) }
    }
}

impl Reports {
    fn write(&self, outcome: &Outcome) -> Result<(), StartError> {
        let to_output = self.json.as_deref() == Some("-");
        if let Some(path) = &self.json {
            let text = format!("{:#}\n", report::json(outcome));
            if to_output {
                print!("{text}");
            } else {
                save(path, &text)?;
            }
        }
        if let Some(path) = &self.html {
            save(path, &report::page(outcome))?;
        }
        match (self.markdown, to_output) {
            (true, _) => println!("{}", report::row(outcome)),
            (false, false) => print!("{}", report::table(outcome)),
            (false, true) => {}
        }
        Ok(())
    }
}

fn save(path: &str, text: &str) -> Result<(), StartError> {
    fs::write(path, text).map_err(|source| StartError::LoadReport { path: path.to_owned(), source })
}

fn run_bare(options: &Options) -> Result<(), StartError> {
    let rooms: Vec<_> = options.scenarios.iter().map(|it| it.room(&options.knobs)).collect();
    let found = bare::run(&rooms, options.duration)?;
    let words: Vec<_> = options.scenarios.iter().map(Scenario::word).collect();
    println!("the bare loop, {}, twice {:.0} s:", words.join(" + "), options.duration.as_secs_f64());
    println!(
        "  {:.2} µs of CPU per packet, a burst to one receiver as one message (UDP_SEGMENT)",
        micros(found.offload)
    );
    println!("  {:.2} µs of CPU per packet, each packet a datagram", micros(found.datagrams));
    println!("  {} packets, of which {} arrived", found.packets, found.arrived);
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn options(
    matches: &ArgMatches,
    environment: &BTreeMap<String, String>,
    words: &[String],
) -> Result<Options, LoadError> {
    let chosen = |flag: &str, variable: &str, default: &str| {
        let given = matches.get_one::<String>(flag).or_else(|| environment.get(variable));
        given.cloned().unwrap_or_else(|| default.to_owned())
    };
    let url = chosen("url", "LIVEKIT_URL", URL_DEFAULT);
    let key = chosen("api-key", "LIVEKIT_API_KEY", KEY_DEFAULT);
    let secret = chosen("api-secret", "LIVEKIT_API_SECRET", SECRET_DEFAULT);
    let time = |name: &str| matches.get_one::<Duration>(name).copied().unwrap_or_default();
    let number = |name: &str| matches.get_one::<u32>(name).copied().unwrap_or_default();
    let mut scenarios = scenarios(words)?;
    if scenarios.is_empty() {
        scenarios.push(Scenario::Livestream { viewers: number("receivers") as usize });
    }
    Ok(Options {
        target: Target::new(&url, &key, &secret)?,
        scenarios,
        knobs: knobs(matches),
        prefix: format!("load-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()),
        room_names: matches.get_many("rooms").into_iter().flatten().cloned().collect(),
        joins_per_second: matches.get_one("joins").copied().unwrap_or(50.0),
        warmup: time("warmup"),
        duration: time("duration"),
        sample_every: number("sample"),
        server_pid: matches.get_one("server-pid").copied(),
        data: !matches.get_flag("no-data"),
        bare: matches.get_flag("bare"),
    })
}

fn knobs(matches: &ArgMatches) -> Knobs {
    let mut knobs = Knobs::default();
    let tiles = matches.get_one::<u32>("tiles").map_or(25, |it| *it as usize);
    let speaker = matches.get_one::<String>("layout").is_some_and(|it| it == "speaker");
    knobs.tiles = if speaker { Tiles::Speaker(tiles) } else { Tiles::Grid(tiles) };
    knobs.hidden = matches.get_flag("hidden");
    if let Some(vanish) = matches.get_one("vanish") {
        knobs.vanish = *vanish;
    }
    if let Some(stay) = matches.get_one("stay") {
        knobs.stay = *stay;
    }
    if let Some(bitrate) = matches.get_one("bitrate") {
        knobs.camera.bitrate_bps = *bitrate;
    }
    if let Some(interval) = matches.get_one("keyframes") {
        knobs.camera.key_interval = *interval;
    }
    knobs
}

/// Words, and the words of the files that `@` names.
fn scenarios(words: &[String]) -> Result<Vec<Scenario>, LoadError> {
    let mut found = Vec::new();
    for word in words {
        let Some(path) = word.strip_prefix('@') else {
            found.push(Scenario::parse(word)?);
            continue;
        };
        let text = fs::read_to_string(path).map_err(|error| unreadable(word, &error))?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        for word in lines.flat_map(str::split_ascii_whitespace) {
            found.push(Scenario::parse(word)?);
        }
    }
    Ok(found)
}

fn unreadable(word: &str, error: &io::Error) -> LoadError {
    LoadError::ConfigScenario { word: word.to_owned(), why: format!("cannot be read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(line: &str, environment: &[(&str, &str)]) -> Errand {
        let matches = command().try_get_matches_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Errand::of(&matches, &pairs.collect())
    }

    fn words(line: &str) -> Vec<String> {
        errand(line, &[]).options.unwrap().scenarios.iter().map(Scenario::word).collect()
    }

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn scenarios_come_as_words_and_from_files() {
        assert_eq!(words("load livestream:7 meeting:3"), ["livestream:7", "meeting:3"]);
        let file = std::env::temp_dir().join(format!("thalweg-load-test-{}", std::process::id()));
        fs::write(&file, "# a mix\nlivestream:7 audio-room:2x5 # two\n\nchurn\n").unwrap();
        let line = format!("load meeting:2 @{}", file.display());
        assert_eq!(words(&line), ["meeting:2", "livestream:7", "audio-room:2x5", "churn:1x20"]);
        fs::remove_file(&file).unwrap();
        assert!(errand(&line, &[]).options.unwrap_err().to_string().contains("cannot be read"));
        assert!(errand("load stream", &[]).options.unwrap_err().to_string().contains("`stream` is not known"));
    }

    #[test]
    fn flags_go_before_the_environment() {
        let environment = [("LIVEKIT_URL", "http://10.0.0.1:1"), ("LIVEKIT_API_KEY", "k")];
        let options = errand("load livestream", &environment).options.unwrap();
        assert_eq!(options.target.url(), "ws://10.0.0.1:1");
        let options = errand("load livestream --url ws://10.0.0.2:2 --duration 3s --joins 9 --rooms a,b", &environment);
        let options = options.options.unwrap();
        assert_eq!(options.room_names, ["a", "b"]);
        assert_eq!(
            (options.target.url(), options.duration, options.joins_per_second),
            ("ws://10.0.0.2:2", Duration::from_secs(3), 9.0)
        );
        assert!(errand("load livestream --url nonsense", &[]).options.is_err());
    }

    #[test]
    fn shapes_and_the_bare_loop() {
        let errand = errand("load bare --receivers 9 --layout speaker --tiles 4 --bitrate 500000 --no-data", &[]);
        let options = errand.options.unwrap();
        assert!(errand.bare && !options.data);
        assert_eq!(options.scenarios, [Scenario::Livestream { viewers: 9 }]);
        assert_eq!((options.knobs.tiles, options.knobs.camera.bitrate_bps), (Tiles::Speaker(4), 500_000));
        for line in ["load", "load livestream --duration 9", "load livestream --sample 0", "load livestream --layout x"]
        {
            assert!(command().try_get_matches_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
