//! How an encoder fares that pushes into a call: what the host's page shows beside address and key.

use schemars::JsonSchema;
use serde::Serialize;

/// What is known of an encoder's stream; read anew with every view of its call.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub struct Push {
    /// Whether there is one.
    pub state: PushState,
    /// What its owner should know or change, in words; empty when all is well.
    pub remark: String,
    /// Its picture, as it comes in.
    pub video: Option<PushedVideo>,
    /// Its sound, as it comes in.
    pub audio: Option<PushedAudio>,
}

/// Whether an encoder sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// Nobody sends.
    #[default]
    Inactive,
    /// An encoder has come; its media is not in the call yet.
    Buffering,
    /// Its media is in the call.
    Publishing,
    /// It was turned away, or part of its media cannot be shown: see `remark`.
    Error,
}

/// A picture as it comes in.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct PushedVideo {
    /// Such as `video/H264`.
    pub mime_type: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second.
    pub frames_per_s: f64,
    /// Bits per second.
    pub bits_per_s: u32,
}

/// A sound as it comes in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct PushedAudio {
    /// Such as `audio/aac`.
    pub mime_type: String,
    /// Bits per second.
    pub bits_per_s: u32,
    /// Channels; 0 when the encoder does not tell.
    pub channels: u32,
    /// Samples per second; 0 when the encoder does not tell.
    pub samples_per_s: u32,
}
