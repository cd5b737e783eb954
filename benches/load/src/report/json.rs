//! The outcome for programs. Names end with their units; what was not measured is `null`.

use serde_json::{Value, json as value};

use super::{micros, millis};
use crate::Outcome;
use crate::bare::Bare;
use crate::histogram::Histogram;
use crate::outcome::Second;

/// The outcome as a JSON object.
pub fn json(outcome: &Outcome) -> Value {
    value!({
        "scenarios": outcome.words,
        "url": outcome.url,
        "began_unix_s": outcome.began_unix_s,
        "machine": outcome.machine,
        "srtp_profile": outcome.profile,
        "window_s": outcome.window.as_secs_f64(),
        "publishers": outcome.publishers,
        "viewers": outcome.viewers,
        "came": outcome.came,
        "ready": outcome.ready,
        "failed": outcome.failed,
        "reasons": outcome.reasons.iter().map(reason).collect::<Vec<_>>(),
        "tracks_announced": outcome.tracks.0,
        "tracks_received": outcome.tracks.1,
        "packets": outcome.packets,
        "packets_per_s": outcome.packets_per_second(),
        "bits_per_s": outcome.bits_per_second(),
        "published_packets": outcome.sent,
        "latency_ms": quantiles(&outcome.latency),
        "join_connected_ms": quantiles(&outcome.join_connected),
        "join_media_ms": quantiles(&outcome.join_media),
        "server": server(outcome),
        "bare": outcome.bare.map(bare),
        "server_over_bare": outcome.over_bare().map(ratios),
        "counts": counts(outcome),
        "load_tester": own(outcome),
        "clean": outcome.is_clean(),
        "doubts": outcome.doubts(),
        "seconds": outcome.seconds.iter().map(second).collect::<Vec<_>>(),
    })
}

fn counts(outcome: &Outcome) -> Value {
    let counts = &outcome.counts;
    value!({
        "packets": counts.packets,
        "lost": counts.lost,
        "duplicates": counts.duplicates,
        "reordered": counts.reordered,
        "repaired": counts.repaired,
        "hidden": counts.hidden,
        "skipped": counts.skipped,
        "backward": counts.backward,
        "kept": counts.kept,
        "padding": counts.padding,
        "switches": counts.switches,
        "sampled": counts.sampled,
        "damaged": counts.damaged,
        "unauthentic": counts.unauthentic,
        "mixed": counts.mixed,
        "early": outcome.early,
        "strange": outcome.strange,
        "published": outcome.published.packets,
        "repeated": outcome.published.repeated,
        "key_requests": outcome.published.key_requests,
    })
}

fn own(outcome: &Outcome) -> Value {
    value!({
        "cpu_s": outcome.own_cpu.as_secs_f64(),
        "skipped_frames": outcome.own_faults.skipped_frames,
        "kernel_dropped": outcome.own_faults.kernel_dropped,
        "send_failed": outcome.own_faults.send_failed,
    })
}

fn bare(bare: Bare) -> Value {
    value!({
        "offload_us_per_packet": micros(bare.offload),
        "datagrams_us_per_packet": micros(bare.datagrams),
        "packets": bare.packets,
        "arrived": bare.arrived,
    })
}

fn ratios((offload, datagrams): (f64, f64)) -> Value {
    value!({"offload": offload, "datagrams": datagrams})
}

fn reason((reason, count): &(String, usize)) -> Value {
    value!({"reason": reason, "count": count})
}

fn server(outcome: &Outcome) -> Value {
    let Some(server) = outcome.server else { return Value::Null };
    value!({
        "cpu_s": server.cpu.as_secs_f64(),
        "user_s": server.user.as_secs_f64(),
        "system_s": server.system.as_secs_f64(),
        "cpu_us_per_packet": outcome.cpu_per_packet().map(micros),
        "rss_empty_bytes": server.rss_empty_bytes,
        "rss_publishers_bytes": server.rss_publishers_bytes,
        "rss_full_bytes": server.rss_full_bytes,
        "rss_per_participant_bytes": outcome.rss_per_participant(),
    })
}

fn quantiles(times: &Histogram) -> Value {
    let quantile = |share| millis(times.quantile(share));
    value!({
        "count": times.count(),
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p99": quantile(0.99),
        "p999": quantile(0.999),
        "max": millis(times.max()),
    })
}

fn second(second: &Second) -> Value {
    value!({
        "at_s": second.at.as_secs_f64(),
        "measured": second.measured,
        "span_s": second.span.as_secs_f64(),
        "joined": second.joined,
        "wanted": second.wanted,
        "packets": second.packets,
        "bytes": second.bytes,
        "lost": second.lost,
        "server_cpu_s": second.server_cpu.map(|it| it.as_secs_f64()),
        "server_rss_bytes": second.server_rss_bytes,
        "own_cpu_s": second.own_cpu.as_secs_f64(),
        "latency_p50_ms": millis(second.latency_p50),
        "latency_p99_ms": millis(second.latency_p99),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn programs_find_what_people_read() {
        let found = json(&sample());
        assert_eq!(found["viewers"], 8);
        assert_eq!(found["packets_per_s"], 1440.0);
        assert_eq!(found["server_over_bare"]["offload"], 1.25);
        assert_eq!(found["server"]["rss_per_participant_bytes"], 128 << 10);
        assert_eq!(found["seconds"].as_array().unwrap().len(), 12);
        assert_eq!(found["clean"], true);
        assert_eq!(json(&Outcome::default())["server"], Value::Null);
    }
}
