//! What the machine allows: socket buffers, open files, and whether its clock is right.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Finding;

/// What a media socket asks for.
const BUFFER_BYTES: u64 = 4 << 20;
/// Files that a small server needs; each connection is one.
const FILES_MIN: u64 = 65_536;
/// No clock of a machine that runs this program shows an earlier time: 2026-01-01.
const BUILT: Duration = Duration::from_secs(1_767_225_600);
/// Here the system's time service says that it has set the clock.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// Whether sockets may be as large as the server wants them.
pub(super) fn udp_buffers() -> Finding {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse::<u64>().ok();
    let limits = ["rmem_max", "wmem_max"].map(|name| (name, read(name)));
    judge_buffers(limits.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))))
}

fn judge_buffers(limits: impl Iterator<Item = (&'static str, u64)>) -> Finding {
    let small: Vec<String> =
        limits.filter(|(_, bytes)| *bytes < BUFFER_BYTES).map(|(name, bytes)| format!("{name} is {bytes}")).collect();
    if small.is_empty() {
        return Finding::good("UDP buffers", "4 MiB for each socket");
    }
    Finding::warning(
        "UDP buffers",
        format!("{}: bursts of a large room are lost", small.join(", ")),
        format!(
            "sysctl -w net.core.rmem_max={BUFFER_BYTES} net.core.wmem_max={BUFFER_BYTES}, \
             or give CAP_NET_ADMIN (the systemd unit does)"
        ),
    )
}

/// Whether there are files enough for many connections.
pub(super) fn open_files() -> Finding {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    judge_files(soft_limit(&limits))
}

fn judge_files(limit: Option<u64>) -> Finding {
    match limit {
        Some(files) if files < FILES_MIN => Finding::warning(
            "open files",
            format!("{files}; each connection is one"),
            format!("LimitNOFILE={FILES_MIN} or more in the unit, or ulimit -n {FILES_MIN}"),
        ),
        Some(files) => Finding::good("open files", files.to_string()),
        None => Finding::good("open files", "as many as are wanted"),
    }
}

/// `Max open files   1024   4096   files`; none when it is unlimited.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether tokens' times can be judged.
pub(super) fn clock(now: SystemTime) -> Finding {
    let service = Path::new("/run/systemd/timesync");
    judge_clock(now, service.exists() && !Path::new(SYNCHRONIZED).exists())
}

/// `unset` says that there is a time service which has not set the clock.
fn judge_clock(now: SystemTime, unset: bool) -> Finding {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mend = "set it, and let it be kept: timedatectl set-ntp true. Tokens and certificates are judged by it";
    if now < BUILT {
        return Finding::fault("clock", format!("{} s since 1970 are long past", now.as_secs()), mend);
    }
    if unset {
        return Finding::warning("clock", "the time service has not set it", mend);
    }
    Finding::good("clock", format!("{} s since 1970", now.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_judged() {
        let text = "Limit   Soft   Hard\nMax open files            1024                 524288               files\n";
        assert_eq!(soft_limit(text), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files\n"), None);
        let buffers = |rmem, wmem| judge_buffers([("rmem_max", rmem), ("wmem_max", wmem)].into_iter()).print();
        assert!(buffers(4 << 20, 4 << 20).starts_with("good"));
        let small = buffers(212_992, 212_992);
        assert!(small.starts_with("warn   UDP buffers: rmem_max is 212992, wmem_max is 212992: "), "{small}");
        assert!(small.contains("-> sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304"), "{small}");
        assert!(buffers(4 << 20, 212_992).contains("buffers: wmem_max is 212992: "));
        assert!(judge_files(Some(1024)).print().contains("1024; each connection is one\n       -> LimitNOFILE=65536"));
        assert!(judge_files(Some(1 << 20)).print().starts_with("good"));
        assert!(judge_files(None).print().starts_with("good"));
    }

    #[test]
    fn a_wrong_clock_is_told() {
        for (now, unset, expected) in [
            (UNIX_EPOCH + Duration::from_secs(1_800_000_000), false, "good "),
            (UNIX_EPOCH + Duration::from_secs(1_800_000_000), true, "warn   clock: the time service has not set it"),
            (
                UNIX_EPOCH + Duration::from_secs(1_000_000_000),
                false,
                "WRONG  clock: 1000000000 s since 1970 are long past",
            ),
            (UNIX_EPOCH - Duration::from_secs(1), false, "WRONG  clock: 0 s"),
        ] {
            let told = judge_clock(now, unset).print();
            assert!(told.starts_with(expected), "{told}");
            assert_eq!(told.contains("-> set it, and let it be kept: timedatectl"), expected != "good ", "{told}");
        }
    }
}
