//! A run's outcome for people and programs: a line for each second, a table, JSON, a page.

mod chart;
mod json;
mod page;
mod table;

use std::time::Duration;

pub use json::json;
pub use page::page;
pub use table::{row, row_head, table};

use crate::outcome::Second;

/// One second of a running test, for a terminal.
pub fn progress(second: &Second) -> String {
    let mut line = format!(
        "{:>4}s {:>5}/{} joined {:>8} packets/s {:>7} Mb/s",
        second.at.as_secs(),
        second.joined,
        second.wanted,
        rounded(rate(second.packets, second.span), 0),
        rounded(rate(second.bytes * 8, second.span) / 1e6, 1),
    );
    if let Some(cpu) = second.server_cpu {
        let share = cpu.as_secs_f64() / second.span.as_secs_f64().max(1e-9) * 100.0;
        line.push_str(&format!("  server {}% CPU", rounded(share, 1)));
    }
    if let Some(cpu) = second.cpu_per_packet() {
        line.push_str(&format!(" {} µs/packet", rounded(micros(cpu), 2)));
    }
    line.push_str(&format!(
        "  latency p50 {} p99 {} ms  lost {}{}",
        rounded(millis(second.latency_p50), 2),
        rounded(millis(second.latency_p99), 2),
        second.lost,
        if second.measured { "" } else { "  (not measured)" },
    ));
    line
}

/// `count` each second.
pub(crate) fn rate(count: u64, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { count as f64 / span.as_secs_f64() }
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A number with so many digits behind the point.
pub(crate) fn rounded(value: f64, digits: usize) -> String {
    format!("{value:.digits$}")
}

/// An outcome as a run of eight viewers would have it, for the tests of reports.
#[cfg(test)]
pub(crate) fn sample() -> crate::Outcome {
    use crate::bare::Bare;
    use crate::outcome::{Outcome, ServerUsage};

    let mut outcome = Outcome {
        words: vec!["livestream:8".into()],
        url: "ws://127.0.0.1:7880".into(),
        began_unix_s: 1_795_278_245,
        machine: "2 x <CPU> & friends, Linux 6".into(),
        publishers: 1,
        viewers: 8,
        came: 9,
        ready: 9,
        tracks: (8, 8),
        profile: "Aes128Gcm".into(),
        window: Duration::from_secs(10),
        packets: 14_400,
        bytes: 15_000_000,
        sent: 1_800,
        own_cpu: Duration::from_millis(5),
        server: Some(ServerUsage {
            cpu: Duration::from_micros(28_800),
            rss_empty_bytes: 20 << 20,
            rss_publishers_bytes: 21 << 20,
            rss_full_bytes: 22 << 20,
            ..ServerUsage::default()
        }),
        bare: Some(Bare {
            offload: Duration::from_nanos(1_600),
            datagrams: Duration::from_nanos(2_000),
            packets: 14_400,
            arrived: 14_400,
        }),
        ..Outcome::default()
    };
    for time in 1..=100 {
        outcome.latency.note(Duration::from_micros(time * 10));
        outcome.join_media.note(Duration::from_millis(time));
    }
    for at in 1..=12 {
        outcome.seconds.push(Second {
            at: Duration::from_secs(at),
            measured: at > 2,
            span: Duration::from_secs(1),
            joined: 9,
            wanted: 9,
            packets: 1_440,
            bytes: 1_500_000,
            server_cpu: Some(Duration::from_micros(2_880)),
            server_rss_bytes: Some(22 << 20),
            latency_p50: Duration::from_micros(100 + at),
            latency_p99: Duration::from_micros(900),
            ..Second::default()
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_one_line() {
        let line = progress(&sample().seconds[5]);
        assert!(line.contains("9/9 joined") && line.contains("1440 packets/s") && line.contains("12.0 Mb/s"), "{line}");
        assert!(line.contains("0.3% CPU 2.00 µs/packet") && line.contains("p50 0.11 p99 0.90 ms"), "{line}");
        assert!(!line.contains('\n') && progress(&sample().seconds[0]).ends_with("(not measured)"));
    }
}
