//! The values of all sources, by key: file, over it the environment, over that the flags.
//!
//! Knows which keys exist, not what they mean; types are looked at when a value is taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{Fault, Place};
use super::read::Read;
use super::schema::{self, ENVIRONMENT_PREFIX, Found, Key, Shape, Standing};
use super::tree::{self, Entry, Node, Value};

/// Largest configuration that is read, in bytes.
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Variables with our prefix that are no keys.
const VARIABLES_NOT_KEYS: &[&str] = &["THALWEG_CONFIG"];

/// What was written, source over source.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    values: BTreeMap<&'static str, Node>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Raw {
    /// Lays a file's text over what is there.
    pub(crate) fn file(&mut self, name: &str, text: &str) {
        let name: Arc<str> = name.into();
        let place = |line, column| Place::File { name: name.clone(), line, column };
        if text.len() > TEXT_BYTES_MAX {
            let text = format!("larger than {TEXT_BYTES_MAX} bytes: this is no configuration");
            return self.faults.push(Fault { place: Some(place(1, 1)), key: String::new(), text });
        }
        match tree::parse(text, &place) {
            Ok(None) => {}
            Ok(Some(Node { value: Value::Map(entries), .. })) => self.section("", entries),
            Ok(Some(node)) => self.fault(Some(node.place), "", "the text must be a mapping of \"key: value\" lines"),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Lays the environment over what is there. Our own names win over LiveKit's.
    pub(crate) fn environment(&mut self, variables: &BTreeMap<String, String>) {
        for key in schema::keys() {
            let names = key.livekit_variable().map(str::to_owned).into_iter().chain([key.variable()]);
            for name in names {
                // A Kubernetes service called "thalweg" puts THALWEG_PORT=tcp://... into every pod.
                if let Some(text) = variables.get(&name).filter(|text| !text.starts_with("tcp://")) {
                    let texts = std::slice::from_ref(text);
                    self.words(key, Place::Environment(name.into()), texts);
                }
            }
        }
        let ours = variables.keys().filter(|name| name.starts_with(ENVIRONMENT_PREFIX));
        for name in ours.filter(|name| !VARIABLES_NOT_KEYS.contains(&name.as_str())) {
            if !schema::keys().iter().any(|key| key.variable() == **name) {
                let near = schema::nearest(name, schema::keys().iter().map(Key::variable));
                let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                let place = Some(Place::Environment(name.as_str().into()));
                self.warn(place, "", &format!("no key belongs to this variable{hint}"));
            }
        }
    }

    /// Lays a flag over what is there; `texts` are its values in the order given.
    pub(crate) fn flag(&mut self, key: &'static Key, flag: &str, texts: &[String]) {
        self.words(key, Place::Flag(format!("--{flag}").into()), texts);
    }

    /// Whether a value was written for a key.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    /// A value's text, which can still be taken.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match &self.values.get(path)?.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Where a value was written.
    pub(crate) fn place(&self, path: &str) -> Option<Place> {
        self.values.get(path).map(|node| node.place.clone())
    }

    /// A key's value, or `None` when nothing was written or what was written is at fault.
    pub(crate) fn take<T: Read>(&mut self, path: &str) -> Option<T> {
        debug_assert!(matches!(schema::find(path), Found::Key(key) if key.standing == Standing::Used), "{path}");
        let node = self.values.get(path)?;
        if node.value == Value::Null {
            return None;
        }
        T::read(node).map_err(|(place, text)| self.fault(Some(place), path, &text)).ok()
    }

    /// Whether a fault was found in a key's value.
    pub(crate) fn is_faulty(&self, path: &str) -> bool {
        self.faults.iter().any(|fault| fault.key == path)
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, place: Option<Place>, key: &str, text: &str) {
        self.faults.push(Fault { place, key: key.into(), text: text.into() });
    }

    /// Notes a warning.
    pub(crate) fn warn(&mut self, place: Option<Place>, key: &str, text: &str) {
        self.warnings.push(Fault { place, key: key.into(), text: text.into() });
    }

    /// All faults and all warnings.
    pub(crate) fn verdict(self) -> (Vec<Fault>, Vec<Fault>) {
        (self.faults, self.warnings)
    }

    fn section(&mut self, section: &str, entries: Vec<Entry>) {
        for Entry { name, place, node } in entries {
            let path = if section.is_empty() { name } else { format!("{section}.{name}") };
            match (schema::find(&path), node.value) {
                (Found::Key(key), value) => self.put(key, Node { place: node.place, value }),
                (Found::Section, Value::Map(entries)) => self.section(&path, entries),
                (Found::Section, Value::Null) => {}
                (Found::Section, value) => {
                    let text = format!("this is a section and holds keys of its own, not {}", value.describe());
                    self.fault(Some(place), &path, &text);
                }
                (Found::Nothing, _) => {
                    let near = schema::suggestion(&path).map(|near| format!("; did you mean {near}?"));
                    let hint = near.unwrap_or_else(|| "; remove it".into());
                    self.fault(Some(place), &path, &format!("no such key{hint}"));
                }
            }
        }
    }

    fn words(&mut self, key: &'static Key, place: Place, texts: &[String]) {
        let scalar = |text: &str| Value::Scalar(text.trim().to_owned());
        let value = match (key.shape, texts) {
            (Shape::Words(_), texts) => {
                let words = texts.iter().flat_map(|text| text.split(',')).filter(|word| !word.trim().is_empty());
                Value::List(words.map(|word| Node { place: place.clone(), value: scalar(word) }).collect())
            }
            (Shape::Yaml(_), [text]) => match tree::parse(text, &|_, _| place.clone()) {
                Ok(node) => node.map_or(Value::Null, |node| node.value),
                Err(fault) => return self.fault(Some(place), key.path, &fault.text),
            },
            (_, [text]) => scalar(text),
            _ => return self.fault(Some(place), key.path, "give one value"),
        };
        self.put(key, Node { place, value });
    }

    fn put(&mut self, key: &'static Key, node: Node) {
        match key.standing {
            Standing::Used => drop(self.values.insert(key.path, node)),
            Standing::Idle(instead) => {
                self.warn(Some(node.place), key.path, &format!("has no effect: {instead}"));
            }
        }
    }
}
