//! What the program prints when it is up: words for people, one line for programs.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cli::Wish;
use crate::config::{Config, DEVELOPMENT_KEY, DEVELOPMENT_SECRET};

/// The room of the ready-made link.
const ROOM: &str = "demo";

/// What is printed on standard output. Only development mode shows a token, made with a key that everybody knows.
pub(crate) fn text(config: &Config, http: SocketAddr, udp: &[SocketAddr], tcp: &[SocketAddr]) -> String {
    let mut text = String::new();
    let origin = origin(http);
    // Writing to a String does not fail.
    let (page, signal) = if config.tls.is_some() { ("https", "wss") } else { ("http", "ws") };
    let _ = writeln!(text, "Thalweg {} listens on {page}://{origin}", env!("CARGO_PKG_VERSION"));
    if config.development {
        development(&mut text, config, (page, signal), &origin);
    }
    let _ = write!(text, "listening http={http}");
    for address in udp {
        let _ = write!(text, " udp={address}");
    }
    for address in tcp {
        let _ = write!(text, " tcp={address}");
    }
    text.push('\n');
    text
}

fn development(text: &mut String, config: &Config, (page, signal): (&str, &str), origin: &str) {
    let identity = format!("guest-{:04x}", rand::random::<u16>());
    let name = Some("Guest".to_owned());
    let wish = Wish { room: ROOM.into(), identity, name, ..Wish::default() };
    let known = config.keys.get(DEVELOPMENT_KEY).is_some_and(|secret| secret.expose() == DEVELOPMENT_SECRET);
    let _ = writeln!(text, "development mode: loopback and short secrets are fine, the internet is not");
    let Some(token) = wish.mint(config).ok().filter(|_| known) else { return };
    let _ = writeln!(text, "  server  {signal}://{origin}   key {DEVELOPMENT_KEY}   secret {DEVELOPMENT_SECRET}");
    let _ = writeln!(text, "  token   {token}");
    let _ = writeln!(text, "  join    {page}://{origin}/?room={ROOM}&name=Guest&token={token}");
    let _ = writeln!(text, "  calls   {page}://{origin}/   (meetings, audio rooms, livestreams)");
    let _ = writeln!(text, "  page    {page}://{origin}/?room={ROOM}   (open it twice: everybody gets a token)");
}

/// Host and port for a link: an address that stands for all is reached at loopback from here.
fn origin(http: SocketAddr) -> String {
    let ip = match http.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, http.port()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn programs_find_their_line_and_people_their_link() {
        let config = Config::read(&Sources::default()).unwrap().0;
        let address = |text: &str| text.parse().unwrap();
        let text = text(&config, address("127.0.0.1:1"), &[address("127.0.0.1:2")], &[address("127.0.0.1:3")]);
        let line = "listening http=127.0.0.1:1 udp=127.0.0.1:2 tcp=127.0.0.1:3";
        assert!(text.lines().any(|each| each == line), "{text}");
        assert!(text.contains("http://127.0.0.1:1/?room=demo&name=Guest&token=ey"), "{text}");
    }

    #[test]
    fn real_keys_make_no_token() {
        let mut sources = Sources::default();
        sources.environment.insert("LIVEKIT_KEYS".into(), "k: 0123456789abcdef0123456789abcdef".into());
        for development in ["true", "false"] {
            sources.environment.insert("THALWEG_DEVELOPMENT".into(), development.into());
            let config = Config::read(&sources).unwrap().0;
            let text = text(&config, "0.0.0.0:1".parse().unwrap(), &[], &[]);
            assert!(!text.contains("token") && text.contains("http://127.0.0.1:1"), "{text}");
        }
    }
}
