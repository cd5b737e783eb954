//! Kinds of calls: settings, and what each role may do. The four that are always there, and the operator's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capability::Capability::{self, *};
use crate::settings::{Backstage, Device};
use crate::{Capabilities, Role, Settings};

/// A kind of call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CallType {
    /// What a call of this kind begins with.
    pub settings: Settings,
    /// What each role may do. A role that is not here may do nothing.
    pub grants: BTreeMap<Role, Capabilities>,
}

impl CallType {
    /// What a role may do.
    pub fn grants_of(&self, role: &Role) -> Capabilities {
        self.grants.get(role).copied().unwrap_or_default()
    }
}

/// What everybody may who may be there at all.
const PRESENT: &[Capability] = &[JoinCall, ReadCall, SendEvents, SendChat, RequestPermissions];
/// What shows and speaks.
const MEDIA: &[Capability] = &[SendAudio, SendVideo, Screenshare];
/// What takes care of others.
const CARE: &[Capability] = &[MuteUsers, BlockUsers, PinForAll, UpdatePermissions, UpdateMembers];
/// What steers the call itself.
const STEER: &[Capability] = &[CreateCall, UpdateCall, JoinBackstage, GoLive, EndCall, UseIngress, Record];

/// The call types that are always there, by name: `default`, `audio_room`, `livestream` and `development`.
pub fn builtin_types() -> BTreeMap<&'static str, CallType> {
    BTreeMap::from([
        ("default", default()),
        ("audio_room", audio_room()),
        ("livestream", livestream()),
        ("development", development()),
    ])
}

/// Equals among themselves; every user may make one.
fn default() -> CallType {
    let settings = Settings::default();
    let user = set(&[PRESENT, MEDIA, &[CreateCall, MuteUsers, PinForAll]]);
    CallType { settings, grants: roles(set(&[PRESENT, MEDIA, CARE, STEER]), user, set(&[&[JoinCall, ReadCall]])) }
}

/// Hosts speak, listeners ask to.
fn audio_room() -> CallType {
    let off = Device { enabled: false, default_on: false, requests: false };
    let settings = Settings {
        audio: Device { enabled: true, default_on: false, requests: true },
        video: off,
        screenshare: off,
        backstage: Backstage { enabled: true, join_ahead_s: 0 },
        ..Settings::default()
    };
    let host = set(&[PRESENT, &[SendAudio], CARE, STEER]);
    CallType { settings, grants: roles(host, set(&[PRESENT, &[CreateCall]]), set(&[PRESENT])) }
}

/// A host shows, many watch.
fn livestream() -> CallType {
    let asked = Device { enabled: true, default_on: false, requests: true };
    let settings = Settings {
        audio: asked,
        video: asked,
        screenshare: Device { requests: false, ..asked },
        backstage: Backstage { enabled: true, join_ahead_s: 0 },
        ingress: true,
        ..Settings::default()
    };
    let watcher = set(&[PRESENT]);
    CallType { settings, grants: roles(set(&[PRESENT, MEDIA, CARE, STEER]), watcher, watcher) }
}

/// Everybody may do everything: for trying out, not for users.
fn development() -> CallType {
    let all = Capabilities::all();
    CallType { settings: Settings { ingress: true, ..Settings::default() }, grants: roles(all, all, all) }
}

fn roles(host: Capabilities, user: Capabilities, viewer: Capabilities) -> BTreeMap<Role, Capabilities> {
    let all =
        [(Role::host(), host), (Role::admin(), Capabilities::all()), (Role::user(), user), (Role::viewer(), viewer)];
    all.into_iter().collect()
}

fn set(lists: &[&[Capability]]) -> Capabilities {
    lists.iter().flat_map(|list| list.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented table: type, role, and a letter for each of join, backstage, audio, video, screen, chat, mute,
    /// permissions, go live, end.
    #[test]
    fn who_may_do_what() {
        let columns = [
            JoinCall,
            JoinBackstage,
            SendAudio,
            SendVideo,
            Screenshare,
            SendChat,
            MuteUsers,
            UpdatePermissions,
            GoLive,
            EndCall,
        ];
        for (kind, role, row) in [
            ("default", Role::host(), "jbavscmple"),
            ("default", Role::user(), "j-avscm---"),
            ("default", Role::viewer(), "j---------"),
            ("audio_room", Role::host(), "jba--cmple"),
            ("audio_room", Role::user(), "j----c----"),
            ("audio_room", Role::viewer(), "j----c----"),
            ("livestream", Role::host(), "jbavscmple"),
            ("livestream", Role::user(), "j----c----"),
            ("livestream", Role::viewer(), "j----c----"),
            ("livestream", Role::admin(), "jbavscmple"),
            ("development", Role::viewer(), "jbavscmple"),
        ] {
            let grants = builtin_types()[kind].grants_of(&role);
            let letters = columns.iter().zip("jbavscmple".chars());
            let found: String = letters.map(|(it, letter)| if grants.has(*it) { letter } else { '-' }).collect();
            assert_eq!(found, row, "{kind} {role}");
        }
    }

    /// The guide tells every capability with its roles, as the code has them.
    #[test]
    fn the_guide_has_the_table() {
        let guide = include_str!("../../../docs/guide/calls.md");
        let types = builtin_types();
        for capability in Capability::ALL {
            let cells = ["default", "audio_room", "livestream"].map(|kind| {
                let roles = [Role::host(), Role::admin(), Role::user(), Role::viewer()];
                let may = roles.iter().filter(|role| types[kind].grants_of(role).has(*capability));
                may.map(Role::as_str).collect::<Vec<_>>().join(" ")
            });
            let meaning = capability.meaning().trim_end_matches('.');
            let meaning = format!("{}{}", meaning[..1].to_ascii_lowercase(), &meaning[1..]);
            let line = format!("| `{capability}` | {meaning} | {} |", cells.join(" | "));
            assert!(guide.contains(&line), "docs/guide/calls.md lacks the line\n{line}");
        }
        assert!(types["development"].grants.values().all(|all| *all == Capabilities::all()));
    }

    #[test]
    fn an_unknown_role_may_do_nothing() {
        let stranger = Role::new("stranger").unwrap();
        assert!(builtin_types().values().all(|it| it.grants_of(&stranger).is_empty()));
    }

    #[test]
    fn types_survive_json() {
        for (name, kind) in builtin_types() {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<CallType>(&text).unwrap(), kind, "{name}");
        }
        assert!(serde_json::from_str::<CallType>(r#"{"settings": {"sound": true}, "grants": {}}"#).is_err());
    }
}
