//! Withholds log lines of a source that has had enough: whoever sends a flood of what is worth a line fills no disk.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quota::{Quota, Rate};
use rand::TryRngCore as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The fields that name a source, the narrowest first.
const SOURCES: [&str; 5] = ["remote", "participant", "identity", "room", "worker"];
/// The target of the audit log.
const AUDIT: &str = "audit";
/// Seconds whose lines may come at once.
const BURST_S: u32 = 10;

/// Lines withheld since the start. There is one log, and so one count.
static WITHHELD: AtomicU64 = AtomicU64::new(0);

/// How many lines were withheld.
pub(crate) fn withheld() -> u64 {
    WITHHELD.load(Ordering::Relaxed)
}

/// See the module.
pub(super) struct Bounded {
    lines: Quota,
    began: Instant,
}

impl Bounded {
    /// So many lines in a second of one place in the program about one source; 0 is no limit.
    pub(super) fn new(per_second: u32) -> Self {
        let rate = Rate { per_second, burst: per_second.saturating_mul(BURST_S).max(1) };
        Self { lines: Quota::new(rate, rand::rngs::OsRng.try_next_u64().unwrap_or_default()), began: Instant::now() }
    }
}

impl<S: Subscriber> Layer<S> for Bounded {
    /// Lines that name no source are about this server itself, and always told.
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        // What was done is told whole; requests have a limit of their own.
        if event.metadata().target() == AUDIT {
            return true;
        }
        let mut found = Found::default();
        event.record(&mut found);
        let Some((_, source)) = found.0 else { return true };
        let fine = self.lines.take((event.metadata().callsite(), source), self.began.elapsed()).is_ok();
        if !fine {
            WITHHELD.fetch_add(1, Ordering::Relaxed);
        }
        fine
    }
}

/// The best source found, with its rank.
#[derive(Default)]
struct Found(Option<(usize, String)>);

impl Found {
    fn note(&mut self, field: &Field, value: impl FnOnce() -> String) {
        let rank = SOURCES.iter().position(|name| *name == field.name());
        if let Some(rank) = rank.filter(|rank| self.0.as_ref().is_none_or(|(best, _)| rank < best)) {
            self.0 = Some((rank, value()));
        }
    }
}

impl Visit for Found {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, || value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, || format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Remembers how many lines came through.
    #[derive(Clone, Default)]
    struct Ear(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Ear {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut found = Found::default();
            event.record(&mut found);
            self.0.lock().unwrap().push(found.0.map(|(_, source)| source).unwrap_or_default());
        }
    }

    #[test]
    fn a_flood_of_one_source_is_a_handful_of_lines() {
        let ear = Ear::default();
        let before = withheld();
        let subscriber = tracing_subscriber::registry().with(Bounded::new(1)).with(ear.clone());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..10_000 {
                tracing::info!(remote = %"192.0.2.1", room = "r", "an encoder is turned away");
            }
            tracing::info!(remote = %"192.0.2.2", "an encoder is turned away");
            tracing::info!(remote = %"192.0.2.1", "another kind of line");
            for _ in 0..100 {
                tracing::warn!("about ourselves");
            }
        });
        let lines = ear.0.lock().unwrap();
        let count = |of: &str| lines.iter().filter(|source| *source == of).count();
        // Ten at once and one more, and those of the seconds that the flood took.
        assert!((11..100).contains(&count("192.0.2.1")), "{}", count("192.0.2.1"));
        assert_eq!((count("192.0.2.2"), count("")), (1, 100));
        assert!(withheld() - before > 9_000);
    }
}
