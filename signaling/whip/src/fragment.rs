//! Fragments of trickle ICE (RFC 8840): what a client sends by PATCH, and what a restart answers.

use sdp::Description;

use crate::limits::{CANDIDATES_MAX, FRAGMENT_BYTES_MAX};
use crate::refusal::Refusal;
use crate::text::{lines, push};

/// What a client's fragment says. Its candidates are counted and dropped: the server learns addresses from checks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fragment {
    /// The client's user fragment and password, when both are there.
    pub ice: Option<(String, String)>,
    /// How many candidates it names.
    pub candidates: usize,
    /// No more will come.
    pub end: bool,
}

/// What a fragment asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Nothing that the server must do.
    Trickle,
    /// Other credentials: ICE begins anew.
    Restart {
        /// The client's user fragment.
        ufrag: String,
        /// The client's password.
        pwd: String,
    },
}

impl Fragment {
    /// Reads a fragment. Unknown lines are passed over.
    ///
    /// # Errors
    /// When it is too long, or a line that counts is malformed.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        if text.len() > FRAGMENT_BYTES_MAX {
            return Err(Refusal::FragmentLong);
        }
        let (mut fragment, mut ufrag, mut pwd) = (Self::default(), None, None);
        for (number, line) in (1..).zip(text.lines().map(str::trim_end)) {
            let malformed = Refusal::Fragment(number);
            if line.is_empty() {
                continue;
            }
            if line.as_bytes().get(1) != Some(&b'=') {
                return Err(malformed);
            }
            if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                ufrag.get_or_insert(word(value, sdp::limits::UFRAG_BYTES).ok_or(malformed)?);
            } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
                pwd.get_or_insert(word(value, sdp::limits::PWD_BYTES).ok_or(malformed)?);
            } else if line.starts_with("a=candidate:") {
                fragment.candidates += 1;
                if fragment.candidates > CANDIDATES_MAX {
                    return Err(Refusal::TooManyCandidates);
                }
            } else if line == "a=end-of-candidates" {
                fragment.end = true;
            }
        }
        fragment.ice = ufrag.zip(pwd);
        Ok(fragment)
    }

    /// What a restart is answered: the server's new credentials and its addresses, out of its whole answer.
    pub fn of_answer(answer: &str) -> String {
        let mut text = String::from("a=ice-lite\r\n");
        let Ok(parsed) = Description::parse(answer) else { return text };
        let Some((index, first)) = (1..).zip(&parsed.sections).find(|(_, it)| !it.rejected) else { return text };
        push(&mut text, &format!("m={} 9 UDP/TLS/RTP/SAVPF 0", first.kind.as_str()));
        push(&mut text, &format!("a=mid:{}", first.mid));
        let told = ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
        for (_, line) in lines(answer).filter(|(section, _)| *section == index) {
            if told.iter().any(|it| line.starts_with(it)) {
                push(&mut text, line);
            }
        }
        text
    }
}

/// What a fragment asks for, given the credentials that the client had and the ETag of its session (RFC 9725 section
/// 4.3).
///
/// # Errors
/// When there is no condition, or it names another state.
pub fn judge(fragment: Fragment, known_ufrag: &str, etag: &str, if_match: Option<&str>) -> Result<Change, Refusal> {
    let condition = if_match.map(str::trim).ok_or(Refusal::NoCondition)?;
    let fits = condition == "*" || condition.split(',').any(|it| it.trim().trim_start_matches("W/") == etag);
    if !fits {
        return Err(Refusal::OldCondition);
    }
    match fragment.ice {
        Some((ufrag, pwd)) if ufrag != known_ufrag => Ok(Change::Restart { ufrag, pwd }),
        _ => Ok(Change::Trickle),
    }
}

/// Characters of ICE (RFC 8839 section 5.4), so many as may be.
fn word(value: &str, bytes: std::ops::RangeInclusive<usize>) -> Option<String> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    (plain && bytes.contains(&value.len())).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PWD: &str = "0123456789012345678901";

    fn fragment(ufrag: &str) -> Fragment {
        let text = format!(
            "a=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\n\
             a=ice-pwd:{PWD}\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n"
        );
        Fragment::read(&text).unwrap()
    }

    #[test]
    fn reads_what_clients_send() {
        let read = fragment("EsAw");
        assert_eq!(read, Fragment { ice: Some(("EsAw".into(), PWD.into())), candidates: 1, end: true });
        assert_eq!(Fragment::read("").unwrap(), Fragment::default());
        assert_eq!(Fragment::read("a=ice-ufrag:EsAw\n").unwrap().ice, None);
    }

    #[test]
    fn names_the_line_at_fault() {
        for (text, line) in [("hello", 1), ("\r\na=ice-ufrag:x\r\n", 2), ("a=mid:0\r\na=ice-pwd:short", 2)] {
            assert_eq!(Fragment::read(text), Err(Refusal::Fragment(line)), "{text}");
        }
        assert_eq!(Fragment::read("a=ice-ufrag:Es Aw\r\n"), Err(Refusal::Fragment(1)));
        let many = "a=candidate:1\r\n".repeat(CANDIDATES_MAX + 1);
        assert_eq!(Fragment::read(&many), Err(Refusal::TooManyCandidates));
        assert_eq!(Fragment::read(&" ".repeat(FRAGMENT_BYTES_MAX + 1)), Err(Refusal::FragmentLong));
    }

    #[test]
    fn a_change_needs_its_condition() {
        let judged = |ufrag: &str, if_match| judge(fragment(ufrag), "EsAw", "\"3\"", if_match);
        let restart = Change::Restart { ufrag: "News".into(), pwd: PWD.into() };
        assert_eq!(judged("EsAw", Some("\"3\"")), Ok(Change::Trickle));
        assert_eq!(judged("EsAw", Some("*")), Ok(Change::Trickle));
        assert_eq!(judged("News", Some("*")), Ok(restart.clone()));
        assert_eq!(judged("News", Some("\"1\", W/\"3\"")), Ok(restart));
        assert_eq!(judged("EsAw", None), Err(Refusal::NoCondition));
        assert_eq!(judged("EsAw", Some("\"2\"")), Err(Refusal::OldCondition));
    }

    #[test]
    fn a_restart_is_answered_by_credentials_and_addresses() {
        let answer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0\r\n\
                      m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:0001srv0\r\n\
                      a=ice-pwd:serverpasswordserverpass\r\na=fingerprint:sha-256 "
            .to_owned()
            + &["AB"; 32].join(":")
            + "\r\na=setup:passive\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
               a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n";
        let expected = "a=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:0001srv0\r\n\
                        a=ice-pwd:serverpasswordserverpass\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n\
                        a=end-of-candidates\r\n";
        assert_eq!(Fragment::of_answer(&answer), expected);
        assert_eq!(Fragment::of_answer("nonsense"), "a=ice-lite\r\n");
    }
}
