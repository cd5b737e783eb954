//! What came of a scenario: one row each tenth of a second, and what the targets ask of them.

use std::fmt::Write as _;
use std::time::Duration;

/// Time between two rows.
pub const ROW_INTERVAL: Duration = Duration::from_millis(100);

/// One moment of one viewer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Seconds since the beginning.
    pub seconds: f64,
    /// What the viewer's link carries, in bits per second.
    pub capacity_bps: f64,
    /// What the server takes it for, in bits per second.
    pub estimate_bps: f64,
    /// What the server sent since the row before, in bits per second.
    pub sent_bps: f64,
    /// What of it was media, in bits per second, as the viewer got it.
    pub media_bps: f64,
    /// What waits in the link, in milliseconds.
    pub queue_ms: f64,
    /// Mean spatial layer of the videos shown, from 0; nothing counts as -1.
    pub spatial: f64,
    /// Videos that are paused.
    pub paused: u32,
    /// Spatial switches so far, of all videos.
    pub switches: u32,
    /// Time that pictures stood still so far, in seconds, of all videos.
    pub frozen_seconds: f64,
    /// The longest time that a picture stood, up to this row, in milliseconds.
    pub pause_ms: f64,
    /// How many pictures of its encoding the first video's is behind what was sent, in milliseconds.
    pub behind_ms: f64,
    /// Packets so far that came behind one of the same source with a higher number.
    pub overtaken: u64,
    /// Frames so far that came whole and were of no use.
    pub orphans: u64,
}

/// Rows of one viewer.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Whose, for the legend.
    pub name: String,
    /// In order of time.
    pub rows: Vec<Row>,
}

impl Trace {
    /// The rows from second `from` on, up to `to`.
    pub fn between(&self, from: f64, to: f64) -> &[Row] {
        let index = |seconds: f64| self.rows.partition_point(|row| row.seconds < seconds);
        &self.rows[index(from)..index(to)]
    }

    /// Rows as comma separated values, with a head.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "seconds,capacity_kbps,estimate_kbps,sent_kbps,media_kbps,queue_ms,spatial,paused,switches,frozen_seconds\n",
        );
        for row in &self.rows {
            let kbps = |bps: f64| bps / 1000.0;
            let _ = writeln!(
                text,
                "{:.1},{:.0},{:.0},{:.0},{:.0},{:.1},{:.2},{},{},{:.2}",
                row.seconds,
                kbps(row.capacity_bps),
                kbps(row.estimate_bps),
                kbps(row.sent_bps),
                kbps(row.media_bps),
                row.queue_ms,
                row.spatial,
                row.paused,
                row.switches,
                row.frozen_seconds,
            );
        }
        text
    }
}

/// Seconds from the first row until the estimate is at least `share` of the capacity.
pub fn ramp_seconds(rows: &[Row], share: f64) -> f64 {
    let first = rows.first().map_or(0.0, |row| row.seconds);
    let reached = rows.iter().find(|row| row.estimate_bps >= share * row.capacity_bps);
    reached.map_or(f64::INFINITY, |row| row.seconds - first)
}

/// Seconds from the first row until what is sent stays below the capacity for half a second.
pub fn overload_seconds(rows: &[Row]) -> f64 {
    let first = rows.first().map_or(0.0, |row| row.seconds);
    let mean = |window: &[Row]| window.iter().map(|row| row.sent_bps).sum::<f64>() / window.len() as f64;
    let left = rows.windows(5).find(|window| mean(window) <= window[0].capacity_bps);
    left.map_or(f64::INFINITY, |window| window[0].seconds - first)
}

/// The queue's 95th percentile in milliseconds.
pub fn queue_p95_ms(rows: &[Row]) -> f64 {
    let mut queues: Vec<f64> = rows.iter().map(|row| row.queue_ms).collect();
    queues.sort_by(f64::total_cmp);
    queues.get(queues.len() * 95 / 100).copied().unwrap_or(0.0)
}

/// The longest time that a picture stood, in milliseconds.
pub fn pause_ms(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.pause_ms).fold(0.0, f64::max)
}

/// Mean of what `of` picks.
pub fn mean(rows: &[Row], of: impl Fn(&Row) -> f64) -> f64 {
    rows.iter().map(of).sum::<f64>() / rows.len().max(1) as f64
}

/// Share of the capacity that is used by media.
pub fn utilisation(rows: &[Row]) -> f64 {
    mean(rows, |row| row.media_bps) / mean(rows, |row| row.capacity_bps)
}
