//! What an operator or creator is told about a transcoder, in words.

use std::fmt;

/// A change in a transcoder's life, for the ingress' state and the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The child runs and has taken the plan.
    Running,
    /// The child failed; another is started. The room sees a short freeze.
    Restarting(Failure),
    /// Children failed too often in a row: nothing more will come.
    GaveUp(Failure),
    /// Part of the source cannot be transcoded; the rest goes on.
    Unsupported(String),
    /// What is encoded: one row for each layer of the plan.
    Layers(Vec<LayerState>),
    /// The CPU is short: the plan's layer with this index is no longer encoded.
    LayerDropped {
        /// Index into the plan's layers.
        layer: u8,
        /// CPU time that the codecs took, as a share of the media's time.
        busy_percent: u32,
    },
    /// The CPU suffices again: the layer with this index is back.
    LayerRestored {
        /// Index into the plan's layers.
        layer: u8,
    },
    /// The child falls behind: this many access units were not decoded since the last such state.
    Skipped(u32),
}

/// One layer as it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerState {
    /// Whether pictures of it are made: it is watched, not dropped, and the source is large enough.
    pub active: bool,
    /// Luma samples; 0 while no picture was seen or the source is smaller than the next layer.
    pub width: u16,
    /// Luma samples.
    pub height: u16,
    /// Target, bits per second.
    pub bitrate: u32,
}

/// Why a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be started.
    Start(String),
    /// It ended, with its exit status in words.
    Exited(String),
    /// It owed an answer for so many milliseconds and did nothing for it.
    Hung(u64),
    /// It worked for so many milliseconds on one access unit.
    Spun(u64),
    /// It said something that is not the protocol.
    Garbled(String),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("transcoding"),
            Self::Restarting(failure) => write!(f, "the transcoder is restarted: {failure}"),
            Self::GaveUp(failure) => write!(f, "the transcoder failed too often: {failure}"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Layers(layers) => write_layers(f, layers),
            Self::LayerDropped { layer, busy_percent } => {
                write!(f, "CPU is short ({busy_percent} % of real time): layer {layer} is no longer encoded")
            }
            Self::LayerRestored { layer } => write!(f, "CPU suffices again: layer {layer} is encoded"),
            Self::Skipped(units) => write!(f, "CPU is short: {units} pictures were skipped"),
        }
    }
}

fn write_layers(f: &mut fmt::Formatter<'_>, layers: &[LayerState]) -> fmt::Result {
    f.write_str("encoding")?;
    let mut separator = " ";
    for layer in layers.iter().filter(|layer| layer.active) {
        write!(f, "{separator}{}x{} at {} kb/s", layer.width, layer.height, layer.bitrate / 1000)?;
        separator = ", ";
    }
    if separator == " " { f.write_str(" no picture") } else { Ok(()) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(why) => write!(f, "its process could not be started: {why}"),
            Self::Exited(status) => write!(f, "its process ended ({status})"),
            Self::Hung(milliseconds) => write!(f, "its process gave no sign of life for {milliseconds} ms"),
            Self::Spun(milliseconds) => write!(f, "its process worked for {milliseconds} ms without a result"),
            Self::Garbled(what) => write!(f, "its process spoke no sense: {what}"),
        }
    }
}
