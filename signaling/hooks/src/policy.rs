//! What an operator decides about webhooks.

use crate::{HookUrl, Reach};

/// What an operator decides about webhooks; checked values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Receivers; each gets every event.
    pub urls: Vec<HookUrl>,
    /// Which events are sent.
    pub filter: Filter,
    /// Which addresses may be reached.
    pub reach: Reach,
}

/// Which events are sent, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only these, unless empty.
    pub include: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
}

impl Filter {
    /// Whether an event is sent.
    pub fn takes(&self, kind: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == kind);
        (self.include.is_empty() || named(&self.include)) && !named(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        for (include, exclude, kind, taken) in [
            (vec![], vec![], "room_started", true),
            (vec!["room_started"], vec![], "room_started", true),
            (vec!["room_started"], vec![], "room_finished", false),
            (vec![], vec!["track_published"], "track_published", false),
            (vec!["room_started"], vec!["room_started"], "room_started", false),
        ] {
            let texts = |list: Vec<&str>| list.into_iter().map(String::from).collect();
            let filter = Filter { include: texts(include), exclude: texts(exclude) };
            assert_eq!(filter.takes(kind), taken, "{filter:?} {kind}");
        }
    }
}
