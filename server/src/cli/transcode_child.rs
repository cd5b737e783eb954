//! `thalweg transcode-child`: the codecs' process, started by the server itself and fed through its standard streams.

use clap::Command;

use crate::StartError;

/// The subcommand's name.
pub(super) const NAME: &str = "transcode-child";

/// The subcommand: not shown, since only the server has use for it.
pub(super) fn command() -> Command {
    Command::new(NAME).about("Decode and encode for a running server (which starts this itself)").hide(true)
}

/// Puts the limits on, then works until standard input ends.
pub(super) fn run() -> Result<(), StartError> {
    transcode::child::run().map_err(|source| StartError::Io { what: "transcode", source })
}
