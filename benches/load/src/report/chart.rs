//! Line charts as SVG that needs nothing else: no script, no font, no other file.

use std::fmt::Write;

/// Size of a chart and of its margins, in SVG units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 28.0;
/// Lines across, beside the axis.
const STEPS: u32 = 4;
/// Names of the lines' colours in the page's style.
const CLASSES: [&str; 3] = ["a", "b", "c"];

/// One line: its name and points.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart of at most three lines over one axis. `shade` marks a stretch of it.
pub(super) fn chart(title: &str, unit: &str, lines: &[Line], shade: Option<(f64, f64)>) -> String {
    let points = || lines.iter().flat_map(|line| &line.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let (first, last) = points().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
    if first >= last {
        return String::new();
    }
    let top = nice(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let x = |value: f64| LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}, {unit}</text>\n"
    );
    if let Some((from, to)) = shade {
        let (from, to) = (x(from.max(first)), x(to.min(last)));
        // Writing to a text cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<rect class=\"shade\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{}\"/>",
            (to - from).max(0.0),
            HEIGHT - TOP - BOTTOM
        );
    }
    for step in 0..=STEPS {
        let value = top * f64::from(step) / f64::from(STEPS);
        let at = y(value);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            label(value)
        );
    }
    for (anchor, value) in [("start", first), ("end", last)] {
        let _ = writeln!(
            svg,
            "<text class=\"foot\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{}\">{} s</text>",
            x(value),
            HEIGHT - 8.0,
            label(value)
        );
    }
    for ((line, class), place) in lines.iter().zip(CLASSES).zip(0..) {
        let path: Vec<String> =
            line.points.iter().map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value))).collect();
        let _ = writeln!(svg, "<path class=\"line {class}\" d=\"M{}\"/>", path.join("L"));
        if lines.len() > 1 {
            let at = WIDTH - RIGHT - 80.0 * f64::from(lines.len() as u32 - place);
            let _ = writeln!(svg, "<text class=\"name {class}\" x=\"{at}\" y=\"16\">{}</text>", line.name);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The next number of one digit and zeros, or half of that, at or above `value`.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.iter().map(|step| step * unit).find(|it| *it >= value * 0.999).unwrap_or(value)
}

fn label(value: f64) -> String {
    match value.abs() {
        it if it >= 1e6 => format!("{}M", trimmed(value / 1e6)),
        it if it >= 1e4 => format!("{}k", trimmed(value / 1e3)),
        _ => trimmed(value),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in
            [(0.0, 1.0), (0.97, 1.0), (1.01, 1.5), (7.0, 8.0), (123.0, 150.0), (90_001.0, 100_000.0)]
        {
            assert!((nice(value) - expected).abs() < expected * 1e-9, "{value}: {}", nice(value));
        }
        for (value, expected) in [(0.25, "0.25"), (3.0, "3"), (15_000.0, "15k"), (2_500_000.0, "2.5M")] {
            assert_eq!(label(value), expected);
        }
    }

    #[test]
    fn points_stay_inside() {
        let line =
            |name, height: f64| Line { name, points: (0..10).map(|x| (f64::from(x), height * f64::from(x))).collect() };
        let svg = chart("Rate", "packets/s", &[line("p50", 3.0), line("p99", 70.0)], Some((2.0, 99.0)));
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("class=\"line").count(), 2);
        for path in svg.split("class=\"line").skip(1) {
            let numbers = path.split('"').nth(2).unwrap().replace(['M', 'L'], " ");
            let numbers: Vec<f64> = numbers.split_ascii_whitespace().map(|it| it.parse().unwrap()).collect();
            assert!(numbers.chunks(2).all(|it| (LEFT..=WIDTH).contains(&it[0]) && (TOP..=HEIGHT).contains(&it[1])));
        }
        assert_eq!(chart("x", "y", &[line("one", 1.0)], None).matches("class=\"name").count(), 0);
        assert_eq!(chart("x", "y", &[], None), "");
    }
}
