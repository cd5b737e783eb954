//! Rules for Rust sources.

use crate::Complaint;

/// Longest file, in lines, without its tests.
pub const FILE_LINES_MAX: usize = 600;
/// Longest function, in lines, signature and braces included.
pub const FUNCTION_LINES_MAX: usize = 70;
/// The only folder that may say `unsafe`.
const UNSAFE_HOME: &str = "sfu/net/";
/// Names that say nothing.
const BANNED_NAMES: &[&str] = &["Manager", "Helper", "Utils", "utils", "helpers"];
/// What a pure core must not reach for: time, threads, the machine, chance.
const BANNED_IN_PURE: &[(&str, &str)] = &[
    ("Instant::now", "the time is an argument"),
    ("SystemTime::now", "the time is an argument"),
    ("thread::", "a pure core has no thread"),
    ("std::net::UdpSocket", "a pure core has no socket"),
    ("std::net::Tcp", "a pure core has no socket"),
    ("std::fs", "a pure core reads no file"),
    ("std::env::var", "a pure core reads no environment"),
    ("rand::rng()", "randomness is an argument"),
    ("rand::random", "randomness is an argument"),
    ("tokio::", "a pure core has no runtime"),
];

/// A source without what a rule should not see.
#[derive(Clone, Debug)]
pub struct Source {
    lines: Vec<String>,
}

impl Source {
    /// Blanks comments, the insides of literals, and modules under `#[cfg(test)]`; line numbers stay.
    pub fn new(text: &str) -> Self {
        let mut lines: Vec<String> = blank(text).lines().map(str::to_owned).collect();
        let mut at = 0;
        while at < lines.len() {
            if lines[at].trim() == "#[cfg(test)]" {
                let end = test_end(&lines, at);
                lines[at..=end].iter_mut().for_each(String::clear);
                at = end;
            }
            at += 1;
        }
        Self { lines }
    }

    /// Line numbers and lines.
    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.lines.iter().map(String::as_str))
    }

    /// Number of lines that are not tests.
    fn len(&self, text: &str) -> usize {
        let blank = |line: &str| line.trim().is_empty();
        let tests = text.lines().zip(&self.lines).filter(|(before, after)| !blank(before) && blank(after));
        let comments = text.lines().filter(|line| line.trim_start().starts_with("//")).count();
        text.lines().count() - tests.count().saturating_sub(comments)
    }
}

fn test_end(lines: &[String], at: usize) -> usize {
    let indent = indent(&lines[at]);
    for (index, line) in lines.iter().enumerate().skip(at + 1) {
        let closes = line.len() == indent + 1 && line.ends_with('}');
        let one_line = self::indent(line) == indent && line.ends_with(';');
        if closes || one_line {
            return index;
        }
    }
    lines.len() - 1
}

/// All rules for one file.
pub fn check(path: &str, text: &str) -> Vec<Complaint> {
    let source = Source::new(text);
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: String| complaints.push(format!("{path}:{line}: {what}"));
    if !text.starts_with("//!") {
        complain(1, "begins without `//!`: say in a sentence what the file is".into());
    }
    let test = is_test(path);
    if !test && source.len(text) > FILE_LINES_MAX {
        let lines = source.len(text);
        complain(1, format!("{lines} lines without tests, at most {FILE_LINES_MAX}: split it by noun"));
    }
    for (line, name, lines) in functions(&source) {
        if !test && lines > FUNCTION_LINES_MAX {
            complain(line, format!("fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"));
        }
        if name.starts_with("get_") {
            complain(line, format!("fn {name}: a getter is named by its noun, without get_"));
        }
    }
    for (line, code) in source.numbered() {
        if let Some(name) = banned_name(code) {
            complain(line, format!("`{name}`: a name must say what the thing is"));
        }
        if !path.starts_with(UNSAFE_HOME) && is_unsafe(code) {
            complain(line, format!("`unsafe` is only for {UNSAFE_HOME}"));
        }
    }
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    if BANNED_NAMES.iter().any(|banned| stem.eq_ignore_ascii_case(banned)) {
        complain(1, format!("`{stem}`: a name must say what the thing is"));
    }
    complaints
}

/// What a file of a pure core may not say outside its tests.
pub fn check_pure(path: &str, text: &str) -> Vec<Complaint> {
    // By custom `testing.rs` holds what tests share, under `#[cfg(test)]` or a feature.
    if is_test(path) || path.ends_with("/testing.rs") {
        return Vec::new();
    }
    let source = Source::new(text);
    let found = source.numbered().flat_map(|(line, code)| {
        let banned = BANNED_IN_PURE.iter().filter(move |(banned, _)| code.contains(banned));
        banned.map(move |(banned, why)| format!("{path}:{line}: `{banned}`: {why}"))
    });
    found.collect()
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_unsafe(code: &str) -> bool {
    words(code)
        .zip(words(code).skip(1).map(Some).chain([None]))
        .any(|(word, next)| word == "unsafe" && !matches!(next, Some("op_in_unsafe_fn")))
}

fn banned_name(code: &str) -> Option<&str> {
    let declares = ["struct", "enum", "trait", "type", "mod", "fn"];
    let mut words = words(code).peekable();
    while let Some(word) = words.next() {
        let name = words.peek().filter(|_| declares.contains(&word));
        if let Some(name) = name.filter(|name| BANNED_NAMES.iter().any(|banned| name.contains(banned))) {
            return Some(name);
        }
    }
    None
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Line, name and number of lines of every function with a body.
fn functions(source: &Source) -> Vec<(usize, &str, usize)> {
    let starts = source.numbered().filter_map(|(line, code)| Some((line, function_name(code)?, indent(code))));
    let mut functions = Vec::new();
    for (line, name, indent) in starts {
        let body = source.lines[line - 1..].iter().enumerate();
        for (index, code) in body {
            let own = self::indent(code) == indent && !code.trim().is_empty();
            if own && (code.ends_with('}') || code.ends_with(';')) {
                functions.push((line, name, index + 1));
                break;
            }
        }
    }
    functions
}

fn function_name(code: &str) -> Option<&str> {
    let before = ["pub", "crate", "super", "in", "const", "async", "unsafe", "extern", "default"];
    let mut words = words(code).skip_while(|word| before.contains(word));
    let declared = words.next() == Some("fn");
    words.next().filter(|_| declared)
}

/// Replaces comments and the insides of string and character literals by spaces.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = literal_end(&characters, at);
        if end == at {
            blanked.push(characters[at]);
            at += 1;
        } else {
            blanked.extend(characters[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    blanked.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Where the comment or literal that begins at `at` ends; `at` when none begins.
fn literal_end(text: &[char], at: usize) -> usize {
    let next = |ahead: usize| text.get(at + ahead).copied().unwrap_or('\0');
    let after_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match (text[at], next(1)) {
        ('/', '/') => find(text, at, &['\n']),
        ('/', '*') => find(text, at + 2, &['*', '/']) + 2,
        ('r', '"' | '#') if !after_word => raw_end(text, at),
        ('"', _) => quoted_end(text, at, '"'),
        ('\'', '\\') => quoted_end(text, at, '\''),
        ('\'', c) if c != '\'' && next(2) == '\'' => at + 3,
        _ => at,
    }
    .min(text.len())
}

fn raw_end(text: &[char], at: usize) -> usize {
    let hashes = text[at + 1..].iter().take_while(|&&c| c == '#').count();
    if text.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let mut close = vec!['"'];
    close.extend(vec!['#'; hashes]);
    find(text, at + 2 + hashes, &close) + close.len()
}

fn quoted_end(text: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < text.len() && text[end] != quote {
        end += if text[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

fn find(text: &[char], from: usize, needle: &[char]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.windows(needle.len()).position(|window| window == needle).map_or(text.len(), |at| from + at)
}
