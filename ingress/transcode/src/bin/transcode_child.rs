//! The child alone, for this crate's tests and examples; the product starts itself with `transcode-child`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match transcode::child::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thalweg-transcode-child: {error}");
            ExitCode::FAILURE
        }
    }
}
