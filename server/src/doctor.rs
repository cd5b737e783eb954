//! `thalweg doctor`: looks at the machine with the eyes of a configuration, and says what is wrong and how to mend it.

mod files;
mod keys;
mod machine;
mod network;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use crate::config::{Config, Fault};

/// How a finding weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Weight {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Warning,
    /// The server does not start, or somebody does not reach it.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    weight: Weight,
    /// What was looked at.
    what: &'static str,
    /// What was found.
    found: String,
    /// What to do about it; empty when nothing is to be done.
    mend: String,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { weight: Weight::Good, what, found: found.into(), mend: String::new() }
    }

    fn warning(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, what, found: found.into(), mend: mend.into() }
    }

    fn fault(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { weight: Weight::Fault, what, found: found.into(), mend: mend.into() }
    }

    fn print(&self) -> String {
        let sign = match self.weight {
            Weight::Good => "good ",
            Weight::Warning => "warn ",
            Weight::Fault => "WRONG",
        };
        let mut text = format!("{sign}  {}: {}\n", self.what, self.found);
        if !self.mend.is_empty() {
            text.push_str(&format!("       -> {}\n", self.mend));
        }
        text
    }
}

/// What was found, and how many faults are among it.
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) faults: usize,
}

/// Looks at everything, with certificates and the clock judged by `now`.
pub(crate) async fn examine(config: &Config, warnings: &[Fault], now: SystemTime) -> Report {
    let mut findings = vec![configuration(warnings)];
    findings.extend(keys::secrets(config));
    findings.extend(network::ports(config).await);
    findings.push(network::public_address(config).await);
    findings.extend(network::names(config).await);
    findings.extend(files::tls(config, now));
    findings.push(files::store(config));
    findings.push(machine::udp_buffers());
    findings.push(machine::open_files());
    findings.push(machine::clock(now));
    let count = |weight| findings.iter().filter(|finding| finding.weight == weight).count();
    let (faults, warned) = (count(Weight::Fault), count(Weight::Warning));
    let mut text: String = findings.iter().map(Finding::print).collect();
    text.push_str(&format!("{} looked at, {warned} could be better, {faults} wrong\n", findings.len()));
    Report { text, faults }
}

fn configuration(warnings: &[Fault]) -> Finding {
    if warnings.is_empty() {
        return Finding::good("configuration", "every key is known and has an effect");
    }
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    Finding::warning("configuration", texts.join("; "), "take these keys out, or leave them: they do no harm")
}
