//! YAML text as a tree whose every node knows its line and column.
//!
//! Knows no key of the configuration. YAML 1.2, one document; aliases are resolved, tags ignored.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::fault::{Fault, Place};

/// Nesting beyond this is refused: real configurations have four levels.
const DEPTH_MAX: usize = 16;
/// Nodes beyond this are refused, aliases counted at every use: no "billion laughs".
const NODES_MAX: usize = 20_000;

/// One value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing was written after the colon, or `null`, or `~`.
    Null,
    /// Any scalar, as text: its type is the reader's business.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Value {
    /// The value in a fault's words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Scalar(text) => format!("\"{text}\""),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a mapping".into(),
        }
    }
}

/// Reads one document. `place` turns a line and a column into where that is.
///
/// # Errors
/// The first syntax error, a second document, a name used twice, or a limit passed.
pub(crate) fn parse(text: &str, place: &dyn Fn(usize, usize) -> Place) -> Result<Option<Node>, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), place, anchors: BTreeMap::new(), nodes: 0 };
    let mut root = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if root.is_some() => return Err(reader.fault(span, "only one YAML document is read: remove the second")),
            event => root = Some(reader.node(event, span, 0)?),
        }
    }
    Ok(root.filter(|node| node.value != Value::Null))
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    place: &'a dyn Fn(usize, usize) -> Place,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok(pair)) => Ok(Some(pair)),
            Some(Err(error)) => {
                let place = (self.place)(error.marker().line(), error.marker().col() + 1);
                let text = format!("this is not YAML: {}", error.info());
                Err(Fault { place: Some(place), key: String::new(), text })
            }
        }
    }

    fn expect(&mut self, opened: Span) -> Result<(Event<'a>, Span), Fault> {
        match self.next()? {
            Some(pair) => Ok(pair),
            None => Err(self.fault(opened, "what opens here is never closed")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        let before = self.nodes;
        self.count(span, 1)?;
        if depth > DEPTH_MAX {
            return Err(self.fault(span, &format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => (anchor, self.list(span, depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(span, depth)?),
            _ => return Err(self.fault(span, "a value was expected here")),
        };
        let node = Node { place: self.at(span), value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Fault> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            return Err(self.fault(span, "this alias stands inside its own anchor"));
        };
        self.count(span, size)?;
        Ok(node)
    }

    fn list(&mut self, opened: Span, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.expect(opened)? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, opened: Span, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.expect(opened)?;
            let name = match event {
                Event::MappingEnd => return Ok(Value::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.fault(span, "a plain name was expected before the colon")),
            };
            if entries.iter().any(|entry| entry.name == name) {
                return Err(self.fault(span, &format!("\"{name}\" stands here a second time: remove one of the two")));
            }
            let place = self.at(span);
            let (event, span) = self.expect(opened)?;
            let node = self.node(event, span, depth + 1)?;
            entries.push(Entry { name, place, node });
        }
    }

    fn count(&mut self, span: Span, nodes: usize) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(self.fault(span, &format!("more than {NODES_MAX} values")));
        }
        Ok(())
    }

    fn at(&self, span: Span) -> Place {
        (self.place)(span.start.line(), span.start.col() + 1)
    }

    fn fault(&self, span: Span, text: &str) -> Fault {
        Fault { place: Some(self.at(span)), key: String::new(), text: text.into() }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let null = matches!(style, ScalarStyle::Plain) && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if null { Value::Null } else { Value::Scalar(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Node>, String> {
        let place = |line, column| Place::File { name: "t".into(), line, column };
        parse(text, &place).map_err(|fault| fault.to_string())
    }

    fn fault(text: &str) -> String {
        read(text).expect_err("must be refused")
    }

    #[test]
    fn empty_text_is_nothing() {
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("# only words\n").unwrap(), None);
        assert_eq!(read("---\n~\n").unwrap(), None);
    }

    #[test]
    fn places_are_counted_from_one() {
        let Some(Node { value: Value::Map(entries), .. }) = read("a: 1\nrtc:\n  b: [x, y]\n").unwrap() else {
            panic!("a mapping was written");
        };
        assert_eq!(entries[1].place.to_string(), "t:2:1");
        let Value::Map(inner) = &entries[1].node.value else { panic!("a mapping was written") };
        assert_eq!(inner[0].place.to_string(), "t:3:3");
        let Value::List(items) = &inner[0].node.value else { panic!("a list was written") };
        assert_eq!(items[1].place.to_string(), "t:3:10");
    }

    #[test]
    fn faults_name_the_place() {
        assert_eq!(fault("a: 1\nb: 2\na: 3\n"), "t:3:1: \"a\" stands here a second time: remove one of the two");
        assert!(fault("a: [1, 2\n").starts_with("t:"), "{}", fault("a: [1, 2\n"));
        assert!(fault("--- 1\n--- 2\n").contains("only one YAML document"));
        assert!(fault("? [a, b]\n: c\n").contains("plain name"));
    }

    #[test]
    fn limits_hold() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(fault(&deep).contains("nested deeper"));
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let uses = vec![format!("*a{}", level - 1); 9].join(", ");
            laughs += &format!("a{level}: &a{level} [{uses}]\n");
        }
        assert!(fault(&laughs).contains("more than 20000 values"));
    }

    #[test]
    fn aliases_are_resolved() {
        let Some(Node { value: Value::Map(entries), .. }) = read("a: &x 7\nb: *x\n").unwrap() else {
            panic!("a mapping was written");
        };
        assert_eq!(entries[1].node.value, Value::Scalar("7".into()));
    }
}
