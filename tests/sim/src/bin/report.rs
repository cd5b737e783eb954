//! Plays every bandwidth scenario and writes what came of it: `cargo run -p thalweg-sim --bin report [FOLDER]`.
//! Tables go to `FOLDER/NAME.csv`, drawings to `FOLDER/NAME.svg`; the folder is `docs/plots` unless given.

use std::path::PathBuf;

use thalweg_sim::bandwidth::{Scenario, plot, run, trace};

/// The seed of the committed plots.
const SEED: u64 = 1;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("docs/plots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for scenario in Scenario::all() {
        let traces = run(&scenario, SEED);
        for (index, one) in (1..).zip(&traces) {
            let suffix = if traces.len() > 1 { format!("-{index}") } else { String::new() };
            std::fs::write(folder.join(format!("{}{suffix}.csv", scenario.name)), one.csv())?;
            let steady = one.between(scenario.seconds - 15.0, scenario.seconds);
            println!(
                "{:8} {}: last 15 s: estimate {:.2} of capacity, media {:.2}, queue p95 {:.0} ms, frozen {:.1} s, {} switches in all",
                scenario.name,
                one.name,
                trace::mean(steady, |row| row.estimate_bps / row.capacity_bps),
                trace::utilisation(steady),
                trace::queue_p95_ms(steady),
                one.rows.last().map_or(0.0, |row| row.frozen_seconds),
                one.rows.last().map_or(0, |row| row.switches),
            );
        }
        std::fs::write(folder.join(format!("{}.svg", scenario.name)), plot::svg(scenario.title, &traces))?;
    }
    Ok(())
}
