//! The program `thalweg`: see `thalweg --help`.

use std::process::ExitCode;

use thalweg_server::cli;

/// The command line could not be understood (as `clap` has it).
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let invocation = match cli::parse(std::env::args_os(), environment.collect()) {
        Ok(invocation) => invocation,
        Err(error) => {
            // Help and the version come this way, too; a closed standard output is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match invocation.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thalweg: {error}");
            ExitCode::FAILURE
        }
    }
}
