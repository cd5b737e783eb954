//! The outcome as text: a table of names and values, and a row of Markdown.

use super::{micros, millis, rounded};
use crate::Outcome;
use crate::histogram::Histogram;
use crate::run::date;

/// All that was found out, a line for each value.
pub fn table(outcome: &Outcome) -> String {
    let rows = rows(outcome);
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect()
}

/// Names and values, best known first.
pub(super) fn rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("scenario", outcome.words.join(" + ")),
        ("server", format!("{} ({})", outcome.url, protection(&outcome.profile))),
        ("measured", format!("{} s, {}", rounded(outcome.window.as_secs_f64(), 1), date(outcome.began_unix_s))),
        ("machine", outcome.machine.clone()),
        ("participants", participants(outcome)),
    ];
    if outcome.tracks.0 > 0 {
        rows.push(("tracks received", format!("{} of {} announced", outcome.tracks.1, outcome.tracks.0)));
    }
    rows.push(("join to connected", quantiles(&outcome.join_connected)));
    rows.push(("join to first packet", quantiles(&outcome.join_media)));
    rows.push(("forwarded", forwarded(outcome)));
    rows.push(("latency added", quantiles(&outcome.latency)));
    rows.extend(costs(outcome));
    rows.push(("lost", lost(outcome)));
    rows.push(("faults", faults(outcome)));
    rows.push((
        "publishers",
        format!(
            "{} packets in the window; {} sent again, {} keyframe requests in all",
            outcome.sent, outcome.published.repeated, outcome.published.key_requests
        ),
    ));
    rows.extend(outcome.reasons.iter().map(|(reason, count)| ("failed", format!("{count} x {reason}"))));
    rows.extend(outcome.doubts().into_iter().map(|doubt| ("doubt", doubt)));
    rows
}

fn protection(profile: &str) -> &str {
    if profile.is_empty() { "nobody connected" } else { profile }
}

fn participants(outcome: &Outcome) -> String {
    let gone = outcome.came - outcome.publishers - outcome.viewers;
    let gone = if gone > 0 { format!(", {gone} came and went") } else { String::new() };
    format!(
        "{} publish, {} watch{gone}; {} of {} ready, {} failed",
        outcome.publishers, outcome.viewers, outcome.ready, outcome.came, outcome.failed
    )
}

fn forwarded(outcome: &Outcome) -> String {
    let (packets, megabits) = (outcome.packets_per_second(), outcome.bits_per_second() / 1e6);
    format!("{} packets/s, {} Mb/s", rounded(packets, 0), rounded(megabits, 1))
}

fn costs(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let (Some(server), Some(cpu)) = (outcome.server, outcome.cpu_per_packet()) {
        let ticks = (server.user + server.system).as_secs_f64().max(1e-9);
        let user = server.user.as_secs_f64() / ticks * 100.0;
        let cores = server.cpu.as_secs_f64() / outcome.window.as_secs_f64().max(1e-9);
        rows.push((
            "server CPU",
            format!(
                "{} µs per forwarded packet ({} % of it in user mode), {} cores",
                rounded(micros(cpu), 2),
                rounded(user, 0),
                rounded(cores, 3)
            ),
        ));
    }
    if let Some(bare) = outcome.bare {
        rows.push((
            "bare loop",
            format!(
                "{} µs per packet with UDP_SEGMENT, {} as datagrams ({} of {} packets arrived)",
                rounded(micros(bare.offload), 2),
                rounded(micros(bare.datagrams), 2),
                bare.arrived,
                bare.packets
            ),
        ));
    }
    if let Some((offload, datagrams)) = outcome.over_bare() {
        rows.push((
            "server / bare loop",
            format!("{} with UDP_SEGMENT, {} as datagrams", rounded(offload, 2), rounded(datagrams, 2)),
        ));
    }
    if let (Some(server), Some(each)) = (outcome.server, outcome.rss_per_participant()) {
        let who = if outcome.viewers > 0 { "viewer" } else { "participant" };
        rows.push((
            "server memory",
            format!(
                "{} KB for each {who}; {} MB empty, {} MB with publishers, {} MB with all",
                each / 1024,
                server.rss_empty_bytes >> 20,
                server.rss_publishers_bytes >> 20,
                server.rss_full_bytes >> 20
            ),
        ));
    }
    let share =
        outcome.server.filter(|it| !it.cpu.is_zero()).map(|it| outcome.own_cpu.as_secs_f64() / it.cpu.as_secs_f64());
    let share = share.map_or_else(String::new, |share| format!(", {} of the server's", rounded(share, 2)));
    let cores = outcome.own_cpu.as_secs_f64() / outcome.window.as_secs_f64().max(1e-9);
    rows.push(("load tester CPU", format!("{} cores{share}", rounded(cores, 3))));
    rows
}

fn lost(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    format!(
        "{} of {} packets; {} repaired, {} out of order; {} skipped and {} times back to a keyframe; {} came before their receiver was ready, {} before they were announced",
        counts.lost,
        counts.packets + counts.lost,
        counts.repaired,
        counts.reordered,
        counts.skipped,
        counts.backward,
        outcome.early,
        outcome.strange
    )
}

fn faults(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    format!(
        "{} duplicates, {} hidden losses, {} damaged, {} unauthentic, {} mixed up; {} packets read in full",
        counts.duplicates, counts.hidden, counts.damaged, counts.unauthentic, counts.mixed, counts.sampled
    )
}

fn quantiles(times: &Histogram) -> String {
    if times.count() == 0 {
        return "nothing came".into();
    }
    let quantile = |share| rounded(millis(times.quantile(share)), 2);
    format!(
        "p50 {} ms, p99 {} ms, p99.9 {} ms, max {} ms",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        rounded(millis(times.max()), 2)
    )
}

/// The head of a Markdown table of [`row`]s.
pub fn row_head() -> &'static str {
    "| scenario | packets/s | server µs/packet | bare loop µs, UDP_SEGMENT / datagrams | ratio, UDP_SEGMENT / datagrams | \
     KB per viewer | latency p50 / p99 / p99.9 ms | join p50 / p99 ms | lost | faults | load tester / server CPU |\n\
     |---|---|---|---|---|---|---|---|---|---|---|"
}

/// The outcome as a row of a Markdown table.
pub fn row(outcome: &Outcome) -> String {
    let none = || "-".to_owned();
    let latency = |share| rounded(millis(outcome.latency.quantile(share)), 2);
    let join = |share| rounded(millis(outcome.join_media.quantile(share)), 0);
    let own = outcome.server.map(|it| outcome.own_cpu.as_secs_f64() / it.cpu.as_secs_f64().max(1e-9));
    let cells = [
        outcome.words.join(" + "),
        rounded(outcome.packets_per_second(), 0),
        outcome.cpu_per_packet().map_or_else(none, |it| rounded(micros(it), 2)),
        outcome.bare.map_or_else(none, |it| {
            format!("{} / {}", rounded(micros(it.offload), 2), rounded(micros(it.datagrams), 2))
        }),
        outcome.over_bare().map_or_else(none, |(a, b)| format!("{} / {}", rounded(a, 2), rounded(b, 2))),
        outcome.rss_per_participant().map_or_else(none, |it| (it / 1024).to_string()),
        format!("{} / {} / {}", latency(0.5), latency(0.99), latency(0.999)),
        format!("{} / {}", join(0.5), join(0.99)),
        outcome.counts.lost.to_string(),
        (outcome.counts.faults() + outcome.failed as u64).to_string(),
        own.map_or_else(none, |it| rounded(it, 2)),
    ];
    format!("| {} |", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_table_says_what_was_found() {
        let text = table(&sample());
        for part in [
            "livestream:8",
            "1 publish, 8 watch; 9 of 9 ready, 0 failed",
            "1440 packets/s, 12.0 Mb/s",
            "2.00 µs per forwarded packet",
            "1.60 µs per packet with UDP_SEGMENT, 2.00 as datagrams",
            "1.25 with UDP_SEGMENT, 1.00 as datagrams",
            "128 KB for each viewer",
            "p50 0.50 ms, p99 0.99 ms, p99.9 1.00 ms, max 1.00 ms",
            "0 of 0 packets",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let mut failed = sample();
        failed.reasons.push(("no answer".into(), 3));
        failed.server = None;
        assert!(table(&failed).contains("3 x no answer") && !table(&failed).contains("server CPU"));
    }

    #[test]
    fn a_row_has_as_many_cells_as_its_head() {
        let cells = |line: &str| line.matches('|').count();
        let head = cells(row_head().lines().next().unwrap());
        assert_eq!(head, cells(row_head().lines().nth(1).unwrap()));
        assert_eq!(head, cells(&row(&sample())));
        assert_eq!(head, cells(&row(&Outcome::default())));
        assert!(row(&sample()).starts_with("| livestream:8 | 1440 | 2.00 | 1.60 / 2.00 | 1.25 / 1.00 | 128 |"));
    }
}
