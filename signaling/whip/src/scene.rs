//! What a viewer without a say sees of a room: as much as it has seats for.

use std::collections::BTreeSet;

use door::Kind;

/// A track that could be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its id.
    pub track: String,
    /// Who publishes it, by id.
    pub person: String,
    /// Who publishes it, by name.
    pub identity: String,
    /// When that person joined, in milliseconds.
    pub since_ms: i64,
    /// Audio or video.
    pub kind: Kind,
    /// It is of a screen.
    pub screen: bool,
    /// Nothing flows.
    pub muted: bool,
}

/// Sections on which a viewer receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seats {
    /// For sound.
    pub sounds: usize,
    /// For pictures.
    pub pictures: usize,
}

/// The tracks to watch, by id: of `wanted` alone, when one is named. Pictures that flow go before those that do not, who
/// is shown stays, screens go before cameras, who came first goes first. The sound of those who are shown goes first.
pub fn choose(seen: &[Seen], wanted: Option<&str>, watched: &BTreeSet<String>, seats: Seats) -> BTreeSet<String> {
    let candidates = || seen.iter().filter(|it| wanted.is_none_or(|name| it.identity == name));
    let shown_now: BTreeSet<&str> = candidates()
        .filter(|it| it.kind == Kind::Video && watched.contains(&it.track))
        .map(|it| it.person.as_str())
        .collect();
    let mut pictures: Vec<_> = candidates().filter(|it| it.kind == Kind::Video).collect();
    pictures.sort_by_key(|it| {
        (it.muted, !shown_now.contains(it.person.as_str()), it.since_ms, &it.person, !it.screen, &it.track)
    });
    pictures.truncate(seats.pictures);
    let shown: BTreeSet<&str> = pictures.iter().map(|it| it.person.as_str()).collect();
    let mut sounds: Vec<_> = candidates().filter(|it| it.kind == Kind::Audio).collect();
    sounds.sort_by_key(|it| {
        let apart = !shown.contains(it.person.as_str());
        (apart, it.muted, !watched.contains(&it.track), it.since_ms, &it.person, &it.track)
    });
    sounds.truncate(seats.sounds);
    pictures.into_iter().chain(sounds).map(|it| it.track.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_EACH: Seats = Seats { sounds: 1, pictures: 1 };

    fn seen(track: &str, person: &str, since_ms: i64) -> Seen {
        let kind = if track.starts_with('v') { Kind::Video } else { Kind::Audio };
        Seen {
            track: format!("{track}-{person}"),
            person: person.into(),
            identity: person.to_uppercase(),
            since_ms,
            kind,
            screen: track == "vs",
            muted: track.ends_with('m'),
        }
    }

    fn chosen(seen: &[Seen], watched: &[&str], seats: Seats) -> Vec<String> {
        let watched = watched.iter().map(|it| (*it).to_owned()).collect();
        choose(seen, None, &watched, seats).into_iter().collect()
    }

    #[test]
    fn sound_follows_the_picture_and_who_came_first_is_shown() {
        let room = [seen("a", "bea", 1), seen("v", "ann", 2), seen("a", "ann", 2), seen("v", "cid", 3)];
        assert_eq!(chosen(&room, &[], ONE_EACH), ["a-ann", "v-ann"]);
        assert_eq!(chosen(&room, &["v-cid"], ONE_EACH), ["a-bea", "v-cid"], "cid has no sound of its own");
        assert_eq!(chosen(&room, &[], Seats { sounds: 2, pictures: 2 }), ["a-ann", "a-bea", "v-ann", "v-cid"]);
        assert_eq!(chosen(&room, &[], Seats { sounds: 0, pictures: 1 }), ["v-ann"]);
    }

    #[test]
    fn who_is_shown_stays_until_the_picture_is_gone_or_muted() {
        let room = [seen("v", "ann", 1), seen("v", "cid", 3)];
        assert_eq!(chosen(&room, &["v-cid"], ONE_EACH), ["v-cid"]);
        let muted = [seen("v", "ann", 1), seen("vm", "cid", 3)];
        assert_eq!(chosen(&muted, &["vm-cid"], ONE_EACH), ["v-ann"]);
        assert_eq!(chosen(&muted[1..], &[], ONE_EACH), ["vm-cid"], "better than nothing");
    }

    #[test]
    fn a_screen_goes_before_its_own_camera() {
        let room = [seen("v", "ann", 1), seen("vs", "ann", 1), seen("vs", "bob", 0)];
        assert_eq!(chosen(&room, &["v-ann"], ONE_EACH), ["vs-ann"]);
    }

    #[test]
    fn a_named_person_is_watched_alone() {
        let room = [seen("v", "ann", 1), seen("v", "bob", 2), seen("a", "ann", 1)];
        assert_eq!(choose(&room, Some("BOB"), &BTreeSet::new(), ONE_EACH), BTreeSet::from(["v-bob".to_owned()]));
        assert!(choose(&room, Some("nobody"), &BTreeSet::new(), ONE_EACH).is_empty());
    }
}
