//! A span while it is open, and as it is told when it has ended.

use crate::{Context, NOTE_BYTES_MAX, NOTES_MAX, send, world};

/// Who waits for whom (OpenTelemetry, SpanKind).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Within this server.
    Internal,
    /// Somebody asked this server.
    Server,
    /// This server asked somebody.
    Client,
}

/// What a note says.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(clip(text))
    }
}

/// A span that has ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Span {
    /// Itself.
    pub context: Context,
    /// The span above, if it is not the first of its trace.
    pub parent: Option<u64>,
    /// What happened: one of few, nothing that differs with each request.
    pub name: String,
    /// Who waited for whom.
    pub kind: Kind,
    /// In nanoseconds since 1970.
    pub began_ns: u64,
    /// In nanoseconds since 1970, not before it began.
    pub ended_ns: u64,
    /// More of it; names follow OpenTelemetry's where it has one.
    pub notes: Vec<(&'static str, Value)>,
    /// Why it failed.
    pub fault: Option<String>,
}

/// A span under way; its drop ends it. When nobody listens, it is nothing.
#[derive(Debug, Default)]
#[must_use = "its drop ends it"]
pub struct Open(Option<Box<Span>>);

impl Open {
    /// Begins a span now, below another or as the first of a trace.
    pub fn begin(name: &str, kind: Kind, parent: Option<Context>) -> Self {
        Context::fresh(parent).map_or_else(Self::default, |context| Self::known(context, name, kind, parent))
    }

    /// Begins a span whose context was handed out before it; see [`Context::fresh`].
    pub fn known(context: Context, name: &str, kind: Kind, parent: Option<Context>) -> Self {
        let Some(world) = world() else { return Self(None) };
        let now_ns = (world.now_ns)();
        Self(Some(Box::new(Span {
            context,
            parent: parent.map(|parent| parent.span),
            name: name.to_owned(),
            kind,
            began_ns: now_ns,
            ended_ns: now_ns,
            notes: Vec::new(),
            fault: None,
        })))
    }

    /// By what others refer to it; `None` when nobody listens.
    pub fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|span| span.context)
    }

    /// It had begun before, in nanoseconds since 1970.
    pub fn since(mut self, began_ns: u64) -> Self {
        if let Some(span) = &mut self.0 {
            span.began_ns = began_ns;
        }
        self
    }

    /// Notes something about it.
    pub fn note(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = self.0.as_mut().filter(|span| span.notes.len() < NOTES_MAX) {
            span.notes.push((name, value.into()));
        }
    }

    /// It failed.
    pub fn fail(&mut self, why: &str) {
        if let Some(span) = &mut self.0 {
            span.fault = Some(clip(why));
        }
    }
}

/// The beginning of a text.
fn clip(text: &str) -> String {
    let fits = |(at, letter): &(usize, char)| at + letter.len_utf8() <= NOTE_BYTES_MAX;
    text.char_indices().take_while(fits).map(|(_, letter)| letter).collect()
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(mut span) = self.0.take() else { return };
        span.ended_ns = crate::now_ns().max(span.began_ns);
        send(*span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WAITING_MAX, World, dropped, listen};

    /// One test: there is one place where spans go.
    #[test]
    fn a_life() {
        let nothing = Open::begin("early", Kind::Internal, None);
        assert_eq!(nothing.context(), None, "nobody listens");
        drop(nothing);
        let world = World { now_ns: || 1_000, random: || 42 };
        let spans = listen(world).unwrap();
        assert!(listen(world).is_none(), "somebody does");

        let mut request = Open::begin("GET /rtc", Kind::Server, None);
        request.note("http.response.status_code", 101);
        let mut phase = Open::begin("room", Kind::Internal, request.context()).since(400);
        phase.note("room", "ä".repeat(NOTE_BYTES_MAX).as_str());
        phase.fail("no such room");
        for _ in 0..2 * NOTES_MAX {
            phase.note("more", "x");
        }
        let above = request.context().unwrap();
        drop((phase, request));
        let (phase, request) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
        assert_eq!((phase.context.trace, phase.parent), (above.trace, Some(above.span)));
        assert_eq!((phase.began_ns, phase.ended_ns, phase.fault.as_deref()), (400, 1_000, Some("no such room")));
        assert_eq!((phase.notes.len(), request.parent), (NOTES_MAX, None));
        assert_eq!(phase.notes[0].1, Value::Text("ä".repeat(NOTE_BYTES_MAX / 2)));
        assert_eq!(request.notes, [("http.response.status_code", Value::Number(101))]);
        assert!(request.context.trace != 0 && request.context.span != 0);

        for _ in 0..WAITING_MAX + 3 {
            drop(Open::begin("flood", Kind::Internal, None));
        }
        assert_eq!((spans.try_iter().count(), dropped()), (WAITING_MAX, 3));
    }
}
