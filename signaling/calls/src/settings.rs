//! How a call behaves: defaults by its type, changed by the call.

use serde::{Deserialize, Serialize};

/// All settings of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Microphones.
    pub audio: Device,
    /// Cameras.
    pub video: Device,
    /// Shared screens.
    pub screenshare: Device,
    /// Whether the call begins behind a curtain.
    pub backstage: Backstage,
    /// When enough is enough.
    pub limits: Limits,
    /// The chat beside the call.
    pub chat: Chat,
    /// The call may be recorded.
    pub recording: bool,
    /// An encoder may push media into the call.
    pub ingress: bool,
}

/// A kind of source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// It may be published at all.
    pub enabled: bool,
    /// Clients should switch it on when they join.
    pub default_on: bool,
    /// Who may not publish it may ask to.
    pub requests: bool,
}

/// Whether the call begins behind a curtain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Backstage {
    /// Until it goes live only those with `join-backstage` come in.
    pub enabled: bool,
    /// Everybody may come in so many seconds before the call's start.
    pub join_ahead_s: u32,
}

/// When enough is enough; 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds from the first join until the call ends.
    pub max_duration_s: u32,
    /// Participants at a time.
    pub max_participants: u32,
}

/// The chat beside the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// There is one.
    pub enabled: bool,
    /// Seconds between two messages of one user; 0 is none.
    pub slow_mode_s: u32,
    /// Only members write.
    pub members_only: bool,
}

impl Default for Settings {
    /// A video call among equals.
    fn default() -> Self {
        let on = Device { enabled: true, default_on: true, requests: true };
        Self {
            audio: on,
            video: on,
            screenshare: Device { default_on: false, ..on },
            backstage: Backstage { enabled: false, join_ahead_s: 0 },
            limits: Limits { max_duration_s: 0, max_participants: 0 },
            chat: Chat { enabled: true, slow_mode_s: 0, members_only: false },
            recording: true,
            ingress: false,
        }
    }
}
