//! Lines of a description, section by section.

/// The lines of a text, each with the number of sections that have begun before it or with it.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut sections = 0;
    text.lines().map(|line| line.trim_end()).filter(|line| !line.is_empty()).map(move |line| {
        if line.starts_with("m=") {
            sections += 1;
        }
        (sections, line)
    })
}

/// Writes a line as SDP ends it.
pub(crate) fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push_str("\r\n");
}
