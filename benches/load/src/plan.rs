//! Scenarios: who comes to which room, who publishes what, and who looks at what.

use std::time::Duration;

use livekit_protocol::VideoQuality;

use crate::LoadError;
use crate::encoder::{AudioModel, VideoModel};
use crate::source::Model;

/// The most participants of a scenario: what one thread could ever serve.
pub const PARTICIPANTS_MAX: usize = 20_000;
/// Viewers of a livestream where none are named.
const VIEWERS_DEFAULT: usize = 50;
/// Participants of a meeting where none are named.
const PARTICIPANTS_DEFAULT: usize = 6;
/// Those who stay in a churning room where none are named.
const STAYING_DEFAULT: usize = 20;
/// Those who speak at once in a meeting; the others' microphones are silent.
const TALKERS: usize = 3;

/// One word of a scenario.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scenario {
    /// One publishes a camera, the others watch.
    Livestream {
        /// How many watch.
        viewers: usize,
    },
    /// Everybody publishes camera (simulcast) and microphone, and sees and hears the others.
    Meeting {
        /// How many.
        participants: usize,
    },
    /// Some speak, all hear.
    AudioRoom {
        /// How many speak.
        speakers: usize,
        /// How many only hear.
        listeners: usize,
    },
    /// A livestream to which viewers come and from which they go all the time.
    Churn {
        /// How many come each second.
        per_second: f64,
        /// How many stay.
        staying: usize,
    },
    /// Many are connected, and nothing flows.
    Idle {
        /// How many.
        participants: usize,
    },
}

impl Scenario {
    /// Understands a word such as `livestream:200`, `meeting:12`, `audio-room:3x300` or `churn:5x20`; what is left out
    /// has its default.
    ///
    /// # Errors
    /// When the name or a number is not understood.
    pub fn parse(word: &str) -> Result<Self, LoadError> {
        let wrong = |why: &str| LoadError::ConfigScenario { word: word.to_owned(), why: why.to_owned() };
        let (name, size) = word.split_once(':').unwrap_or((word, ""));
        let count = |text: &str, default: usize| match text {
            "" => Ok(default),
            _ => text
                .parse()
                .ok()
                .filter(|it| (1..=PARTICIPANTS_MAX).contains(it))
                .ok_or_else(|| wrong("has a wrong number")),
        };
        let (first, second) = match size.split_once('x') {
            Some((first, second)) => (first, Some(second)),
            None => (size, None),
        };
        let single = |default| match second {
            None => count(first, default),
            Some(_) => Err(wrong("has a number too many")),
        };
        let second = second.unwrap_or_default();
        Ok(match name {
            "livestream" => Self::Livestream { viewers: single(VIEWERS_DEFAULT)? },
            "meeting" => Self::Meeting { participants: single(PARTICIPANTS_DEFAULT)? },
            "audio-room" => {
                Self::AudioRoom { speakers: count(first, TALKERS)?, listeners: count(second, VIEWERS_DEFAULT)? }
            }
            "churn" => {
                let rate = if first.is_empty() { Some(1.0) } else { first.parse().ok() };
                let per_second =
                    rate.filter(|it: &f64| *it > 0.0 && *it <= 1000.0).ok_or_else(|| wrong("has a wrong rate"))?;
                Self::Churn { per_second, staying: count(second, STAYING_DEFAULT)? }
            }
            "idle" => Self::Idle { participants: single(VIEWERS_DEFAULT)? },
            _ => return Err(wrong("is not known")),
        })
    }

    /// The word for it.
    pub fn word(&self) -> String {
        match self {
            Self::Livestream { viewers } => format!("livestream:{viewers}"),
            Self::Meeting { participants } => format!("meeting:{participants}"),
            Self::AudioRoom { speakers, listeners } => format!("audio-room:{speakers}x{listeners}"),
            Self::Churn { per_second, staying } => format!("churn:{per_second}x{staying}"),
            Self::Idle { participants } => format!("idle:{participants}"),
        }
    }

    /// The room's plan.
    pub fn room(&self, knobs: &Knobs) -> RoomPlan {
        let camera = || Model::Camera(vec![knobs.camera]);
        let voice =
            |place: usize| Model::Microphone(if place < TALKERS { AudioModel::SPEECH } else { AudioModel::Silent });
        let mut room = RoomPlan { word: self.word(), members: Vec::new(), churn: None };
        match *self {
            Self::Livestream { viewers } => {
                room.members.push(Member::publisher(vec![camera()]));
                room.add(viewers, &Member::viewer(1, knobs.hidden));
            }
            Self::Meeting { participants } => {
                let layers =
                    VideoModel::SIMULCAST.map(|it| VideoModel { key_interval: knobs.camera.key_interval, ..it });
                for place in 0..participants {
                    let publishes = vec![voice(place), Model::Camera(layers.to_vec())];
                    let expects = 2 * (participants - 1);
                    room.members.push(Member {
                        publishes,
                        subscribes: true,
                        hidden: false,
                        expects,
                        tiles: knobs.tiles,
                    });
                }
            }
            Self::AudioRoom { speakers, listeners } => {
                for _ in 0..speakers {
                    let publishes = vec![Model::Microphone(AudioModel::SPEECH)];
                    let expects = speakers - 1;
                    room.members.push(Member {
                        publishes,
                        subscribes: true,
                        hidden: false,
                        expects,
                        tiles: Tiles::All,
                    });
                }
                room.add(listeners, &Member::viewer(speakers, knobs.hidden));
            }
            Self::Churn { per_second, staying } => {
                room.members.push(Member::publisher(vec![camera()]));
                room.add(staying, &Member::viewer(1, knobs.hidden));
                let member = Member::viewer(1, knobs.hidden);
                let interval = Duration::from_secs_f64(1.0 / per_second);
                room.churn = Some(Churn { interval, stay: knobs.stay, vanish: knobs.vanish, member });
            }
            // Unseen by each other, or their coming would be all that happens.
            Self::Idle { participants } => room.add(participants, &Member::viewer(0, true)),
        }
        room
    }
}

/// What is common to the rooms of a run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Knobs {
    /// A camera without simulcast.
    pub camera: VideoModel,
    /// Which of the others' pictures a participant of a meeting sees.
    pub tiles: Tiles,
    /// Those who only watch or hear are not announced to others (a grant of their tokens).
    pub hidden: bool,
    /// How long one who comes and goes stays.
    pub stay: Duration,
    /// One in so many of those who come and go is gone without a goodbye; 0 is nobody.
    pub vanish: u32,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { camera: VideoModel::HD, tiles: Tiles::Grid(25), hidden: false, stay: Duration::from_secs(5), vanish: 0 }
    }
}

/// Which pictures are visible, and how large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tiles {
    /// Nothing is said: the server sends the best of all.
    All,
    /// So many middle-sized ones.
    Grid(usize),
    /// A large one, and so many small ones.
    Speaker(usize),
}

impl Tiles {
    /// How the picture that came as number `place` is seen; `None` when nothing is said of it.
    pub fn quality(self, place: usize) -> Option<TileSize> {
        match self {
            Self::All => None,
            Self::Grid(visible) if place < visible => Some(TileSize::Medium),
            Self::Speaker(_) if place == 0 => Some(TileSize::Large),
            Self::Speaker(visible) if place <= visible => Some(TileSize::Small),
            Self::Grid(_) | Self::Speaker(_) => Some(TileSize::Invisible),
        }
    }
}

/// How large a picture is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TileSize {
    /// Not at all.
    Invisible,
    /// As the lowest encoding.
    Small,
    /// As the middle one.
    Medium,
    /// As the best one.
    Large,
}

impl TileSize {
    /// Width and height in pixels; zero when invisible.
    pub fn size(self) -> (u32, u32) {
        let [small, medium, large] = VideoModel::SIMULCAST;
        match self {
            Self::Invisible => (0, 0),
            Self::Small => (small.width, small.height),
            Self::Medium => (medium.width, medium.height),
            Self::Large => (large.width, large.height),
        }
    }

    /// Index of the simulcast encoding that it takes.
    pub fn encoding(self) -> Option<usize> {
        match self {
            Self::Invisible => None,
            Self::Small => Some(0),
            Self::Medium => Some(1),
            Self::Large => Some(2),
        }
    }

    /// The quality in LiveKit's words.
    pub fn proto(self) -> VideoQuality {
        match self {
            Self::Invisible => VideoQuality::Off,
            Self::Small => VideoQuality::Low,
            Self::Medium => VideoQuality::Medium,
            Self::Large => VideoQuality::High,
        }
    }
}

/// One participant's part.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// What it publishes.
    pub publishes: Vec<Model>,
    /// Whether it receives.
    pub subscribes: bool,
    /// Others are not told of it.
    pub hidden: bool,
    /// Tracks that others publish for it.
    pub expects: usize,
    /// What it looks at.
    pub tiles: Tiles,
}

impl Member {
    fn publisher(publishes: Vec<Model>) -> Self {
        Self { publishes, subscribes: false, hidden: false, expects: 0, tiles: Tiles::All }
    }

    fn viewer(expects: usize, hidden: bool) -> Self {
        Self { publishes: Vec::new(), subscribes: true, hidden, expects, tiles: Tiles::All }
    }
}

/// Those who come and go.
#[derive(Clone, PartialEq, Debug)]
pub struct Churn {
    /// Time between two who come.
    pub interval: Duration,
    /// How long each stays.
    pub stay: Duration,
    /// One in so many goes without a goodbye; 0 is nobody.
    pub vanish: u32,
    /// What each does.
    pub member: Member,
}

/// One room.
#[derive(Clone, PartialEq, Debug)]
pub struct RoomPlan {
    /// The scenario's word.
    pub word: String,
    /// Those who stay.
    pub members: Vec<Member>,
    /// Those who do not.
    pub churn: Option<Churn>,
}

/// One encoding on its way to so many receivers.
#[derive(Clone, PartialEq, Debug)]
pub struct Flow {
    /// What is encoded, in a single encoding.
    pub model: Model,
    /// Places in the room of those who get it.
    pub receivers: Vec<usize>,
}

impl RoomPlan {
    fn add(&mut self, count: usize, member: &Member) {
        self.members.extend(std::iter::repeat_n(member.clone(), count));
    }

    /// What a server has to send, once everybody is there.
    pub fn flows(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for (from, publisher) in self.members.iter().enumerate() {
            for model in &publisher.publishes {
                let singles = match model {
                    Model::Camera(encodings) => encodings.iter().map(|it| Model::Camera(vec![*it])).collect(),
                    Model::Microphone(_) => vec![model.clone()],
                };
                let many = singles.len() > 1;
                for (index, single) in singles.into_iter().enumerate() {
                    let takes = |(at, member): &(usize, &Member)| {
                        let place = if from < *at { from } else { from.saturating_sub(1) };
                        let wanted = member.tiles.quality(place).map_or(Some(2), TileSize::encoding);
                        member.subscribes && *at != from && (!many || wanted == Some(index))
                    };
                    let receivers: Vec<_> = self.members.iter().enumerate().filter(takes).map(|(at, _)| at).collect();
                    if !receivers.is_empty() {
                        flows.push(Flow { model: single, receivers });
                    }
                }
            }
        }
        flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_words() {
        let table = [
            ("livestream", "livestream:50"),
            ("livestream:200", "livestream:200"),
            ("meeting:12", "meeting:12"),
            ("audio-room:3x300", "audio-room:3x300"),
            ("audio-room", "audio-room:3x50"),
            ("churn:0.5", "churn:0.5x20"),
            ("churn:5x7", "churn:5x7"),
            ("idle:9", "idle:9"),
        ];
        for (word, full) in table {
            assert_eq!(Scenario::parse(word).unwrap().word(), full);
        }
        for word in ["", "stream:1", "livestream:x", "livestream:0", "livestream:1x2", "meeting:99999", "churn:-1"] {
            assert!(Scenario::parse(word).is_err(), "{word}");
        }
    }

    fn packets(word: &str, knobs: &Knobs) -> Vec<usize> {
        Scenario::parse(word).unwrap().room(knobs).flows().iter().map(|flow| flow.receivers.len()).collect()
    }

    #[test]
    fn flows_say_what_a_server_sends() {
        let knobs = Knobs::default();
        assert_eq!(packets("livestream:7", &knobs), [7]);
        assert_eq!(packets("audio-room:2x5", &knobs), [6, 6]);
        assert_eq!(packets("meeting:3", &knobs), [2; 6]);
        assert_eq!(packets("idle:3", &knobs), [0; 0]);
        let speaker = Knobs { tiles: Tiles::Speaker(1), ..knobs };
        // Of each participant a voice; of the first its best encoding, of the second both, of the third the small one.
        assert_eq!(packets("meeting:3", &speaker), [2, 2, 2, 1, 1, 2, 2]);
        let hidden = Knobs { tiles: Tiles::Grid(1), ..knobs };
        assert_eq!(packets("meeting:3", &hidden), [2, 2, 2, 1, 2]);
    }
}
