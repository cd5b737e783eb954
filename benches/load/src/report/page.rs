//! The outcome as one HTML page that needs nothing else.

use std::fmt::Write;

use super::chart::{Line, chart};
use super::{micros, millis, rate, table};
use crate::Outcome;
use crate::outcome::Second;

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1d2733;--soft:#6a7684;--rule:#d8dee5;--paper:#fff;--a:#0b6bcb;--b:#c2410c;--c:#15803d;--shade:#0b6bcb14}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#94a1b0;--rule:#303a45;--paper:#12171d;--a:#5aa9f7;--b:#fb923c;--c:#4ade80;--shade:#5aa9f71f}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1340px;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem;margin:0 0 .2rem}p{color:var(--soft);margin:0 0 1.2rem}table{border-collapse:collapse;margin-bottom:1.5rem}\
th,td{text-align:left;vertical-align:top;padding:.25rem 1.2rem .25rem 0;border-bottom:1px solid var(--rule)}th{font-weight:500;color:var(--soft);white-space:nowrap}\
tr.bad td{color:var(--b)}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1rem}\
svg{width:100%;height:auto}text{font:11px system-ui,sans-serif;fill:var(--soft)}.title{font-size:13px;fill:var(--ink)}.tick{text-anchor:end}\
.grid{stroke:var(--rule);fill:none}.shade{fill:var(--shade)}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}\
.line.a{stroke:var(--a)}.line.b{stroke:var(--b)}.line.c{stroke:var(--c)}.name{text-anchor:start}.name.a{fill:var(--a)}.name.b{fill:var(--b)}.name.c{fill:var(--c)}";

/// The page's text.
pub fn page(outcome: &Outcome) -> String {
    let name = escaped(&outcome.words.join(" + "));
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Load test: {name}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Load test: {name}</h1>\n\
         <p>{}</p>\n<table>\n",
        if outcome.is_clean() {
            "Everybody joined; nothing was lost, doubled, hidden or changed."
        } else {
            "Not clean: see below."
        }
    );
    for (name, value) in table::rows(outcome) {
        let class = if matches!(name, "failed" | "doubt") { " class=\"bad\"" } else { "" };
        // Writing to a text cannot fail.
        let _ = writeln!(html, "<tr{class}><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    html.push_str("</table>\n<div class=\"charts\">\n");
    charts(outcome).iter().for_each(|it| html.push_str(it));
    html.push_str("</div>\n<p>The shaded stretch is the window that the table tells of.</p>\n</body>\n</html>\n");
    html
}

fn charts(outcome: &Outcome) -> Vec<String> {
    let measured = || outcome.seconds.iter().filter(|it| it.measured);
    let from = measured().next().map(|it| (it.at - it.span).as_secs_f64());
    let shade = from.zip(measured().next_back().map(|it| it.at.as_secs_f64()));
    let line = |name, value: &dyn Fn(&Second) -> Option<f64>| Line {
        name,
        points: outcome.seconds.iter().filter_map(|it| Some((it.at.as_secs_f64(), value(it)?))).collect(),
    };
    let share = |cpu: std::time::Duration, span: std::time::Duration| cpu.as_secs_f64() / span.as_secs_f64().max(1e-9);
    vec![
        chart("Forwarded", "packets/s", &[line("", &|it| Some(rate(it.packets, it.span)))], shade),
        chart("Forwarded", "Mb/s", &[line("", &|it| Some(rate(it.bytes * 8, it.span) / 1e6))], shade),
        chart("Server CPU per forwarded packet", "µs", &[line("", &|it| Some(micros(it.cpu_per_packet()?)))], shade),
        chart(
            "CPU",
            "cores",
            &[
                line("server", &|it| Some(share(it.server_cpu?, it.span))),
                line("load tester", &|it| Some(share(it.own_cpu, it.span))),
            ],
            shade,
        ),
        chart(
            "Latency added by the server",
            "ms",
            &[line("p50", &|it| Some(millis(it.latency_p50))), line("p99", &|it| Some(millis(it.latency_p99)))],
            shade,
        ),
        chart("Server memory", "MB", &[line("", &|it| Some(it.server_rss_bytes? as f64 / 1_048_576.0))], shade),
        chart(
            "Participants",
            "",
            &[line("ready", &|it| Some(it.joined as f64)), line("invited", &|it| Some(it.wanted as f64))],
            shade,
        ),
        chart("Lost so far", "packets", &[line("", &|it| Some(it.lost as f64))], shade),
    ]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_page_stands_alone_and_escapes() {
        let html = page(&sample());
        assert!(html.contains("2 x &lt;CPU&gt; &amp; friends"));
        assert_eq!(html.matches("<svg").count(), 8);
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
        for outside in ["<script", "http://", "https://", "src=", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("Everybody joined"));
    }

    #[test]
    fn a_run_without_seconds_has_a_page() {
        let html = page(&Outcome::default());
        assert!(html.contains("</html>") && !html.contains("<svg"));
    }
}
