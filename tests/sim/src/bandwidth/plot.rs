//! Draws traces as one SVG: rates above, the queue below, layers at the foot.

use std::fmt::Write as _;

use super::trace::{Row, Trace};

/// Width and heights of the three panels in pixels.
const WIDTH: f64 = 900.0;
const RATES: f64 = 220.0;
const QUEUE: f64 = 90.0;
const LAYERS: f64 = 70.0;
/// Room left of and above a panel.
const MARGIN: (f64, f64) = (56.0, 26.0);

/// One line of a panel: colour, meaning, value.
type Curve = (&'static str, &'static str, fn(&Row) -> f64);

const RATE_CURVES: [Curve; 4] = [
    ("#999999", "capacity", |row| row.capacity_bps / 1e6),
    ("#d62728", "estimate", |row| row.estimate_bps / 1e6),
    ("#1f77b4", "sent", |row| row.sent_bps / 1e6),
    ("#2ca02c", "media received", |row| row.media_bps / 1e6),
];
const QUEUE_CURVES: [Curve; 1] = [("#9467bd", "queue", |row| row.queue_ms)];
const LAYER_CURVES: [Curve; 2] =
    [("#ff7f0e", "mean spatial layer", |row| row.spatial), ("#8c564b", "paused", |row| f64::from(row.paused))];

/// The whole drawing of one scenario.
pub fn svg(title: &str, traces: &[Trace]) -> String {
    let each = RATES + QUEUE + LAYERS + 4.0 * MARGIN.1;
    let height = each * traces.len() as f64 + MARGIN.1;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" viewBox=\"0 0 {0} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{1}\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{title}</text>\n",
        WIDTH + MARGIN.0 + 20.0,
        MARGIN.0,
    );
    for (index, trace) in traces.iter().enumerate() {
        let mut top = 2.0 * MARGIN.1 + each * index as f64;
        for (unit, tall, curves) in [
            ("Mbit/s", RATES, &RATE_CURVES[..]),
            ("ms", QUEUE, &QUEUE_CURVES[..]),
            ("layer", LAYERS, &LAYER_CURVES[..]),
        ] {
            panel(&mut text, &format!("{}: {unit}", trace.name), &trace.rows, curves, top, tall);
            top += tall + MARGIN.1;
        }
    }
    text.push_str("</svg>\n");
    text
}

fn panel(text: &mut String, name: &str, rows: &[Row], curves: &[Curve], top: f64, tall: f64) {
    let values = || rows.iter().flat_map(|row| curves.iter().map(move |curve| curve.2(row)));
    let (low, high) = (values().fold(0.0, f64::min), values().fold(1.0, f64::max) * 1.05);
    let end = rows.last().map_or(1.0, |row| row.seconds);
    let x = |seconds: f64| MARGIN.0 + seconds / end * WIDTH;
    let y = |value: f64| top + tall - (value - low) / (high - low) * tall;
    let _ = writeln!(
        text,
        "<rect x=\"{}\" y=\"{top:.1}\" width=\"{WIDTH}\" height=\"{tall}\" fill=\"none\" stroke=\"#ccc\"/>",
        MARGIN.0
    );
    for tick in 0..=4 {
        let value = low + (high - low) * f64::from(tick) / 4.0;
        let _ = writeln!(text, "<text x=\"4\" y=\"{:.1}\">{value:.1}</text>", y(value) + 4.0);
    }
    for tick in (0..=end as u32).step_by(10) {
        let at = x(f64::from(tick));
        let _ = writeln!(text, "<text x=\"{at:.1}\" y=\"{:.1}\" fill=\"#777\">{tick} s</text>", top + tall + 11.0);
    }
    let _ = writeln!(text, "<text x=\"{}\" y=\"{:.1}\">{name}</text>", MARGIN.0, top - 4.0);
    for (index, (colour, meaning, value)) in curves.iter().enumerate() {
        let points = rows.iter().fold(String::new(), |mut points, row| {
            let _ = write!(points, "{:.1},{:.1} ", x(row.seconds), y(value(row)));
            points
        });
        let _ =
            writeln!(text, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"/>");
        let at = MARGIN.0 + 160.0 + 130.0 * index as f64;
        let _ = writeln!(text, "<text x=\"{at}\" y=\"{:.1}\" fill=\"{colour}\">{meaning}</text>", top - 4.0);
    }
}
