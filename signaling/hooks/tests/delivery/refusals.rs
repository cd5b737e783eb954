//! Receivers that are hostile, mistaken or forbidden.

use std::time::Duration;

use thalweg_hooks::{HookUrl, Policy, Reach};

use crate::receiver::{OK, Receiver, status};
use crate::{event, memory, policy, start};

const GRACE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn redirects_are_not_followed() {
    let secret = Receiver::start(|_, _| OK.into()).await;
    let target = secret.url("/admin");
    let receiver = Receiver::start(move |_, _| {
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n")
    });
    let receiver = receiver.await;
    let hooks = start(&memory().await, policy(&[receiver.url("/")])).await;
    hooks.tell(event("river", "1"));
    receiver.requests(1).await;
    hooks.shutdown(GRACE).await;
    assert_eq!((secret.so_far(), hooks.counts().delivered, hooks.counts().waiting), (0, 0, 1));
}

#[tokio::test]
async fn addresses_are_looked_at_however_they_are_written() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let port = receiver.port;
    let plain = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "[::]", "169.254.169.254"];
    // Most other ways to write an address are refused as URLs already; what is not must be found out when it is resolved.
    let odd =
        ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1."].map(|host| format!("http://{host}:{port}/"));
    let odd = odd.into_iter().filter(|url| HookUrl::parse(url).is_ok());
    let urls: Vec<String> = plain.iter().map(|host| format!("http://{host}:{port}/")).chain(odd).collect();
    let hooks = start(&memory().await, Policy { reach: Reach::Public, ..policy(&urls) }).await;
    hooks.tell(event("river", "1"));
    while hooks.counts().tries_failed < urls.len() as u64 {
        tokio::task::yield_now().await;
    }
    hooks.shutdown(GRACE).await;
    assert_eq!(receiver.so_far(), 0);
    assert_eq!(hooks.counts().waiting, urls.len() as u64);
}

#[tokio::test]
async fn an_answer_without_end_holds_nothing_up() {
    let receiver = Receiver::start(|number, _| match number {
        // Far more than is read, and it says that there is more still.
        0 => format!("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}", "x".repeat(200_000)),
        1 => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\nffffffff\r\n".into(),
        _ => OK.into(),
    });
    let receiver = receiver.await;
    let hooks = start(&memory().await, policy(&[receiver.url("/")])).await;
    for text in ["1", "2", "3"] {
        hooks.tell(event("river", text));
    }
    let requests = receiver.requests(3).await;
    assert_eq!(requests.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 1, 2]);
    hooks.shutdown(GRACE).await;
    assert_eq!(hooks.counts().delivered, 3);
}

#[tokio::test]
async fn rubbish_is_a_failure() {
    let receiver = Receiver::start(|number, _| match number {
        0 => "SSH-2.0-OpenSSH\r\n\r\n".into(),
        1 => format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        2 => status("404 Not Found"),
        _ => OK.into(),
    });
    let receiver = receiver.await;
    let hooks = start(&memory().await, policy(&[receiver.url("/")])).await;
    for room in ["a", "b", "c"] {
        hooks.tell(event(room, room));
    }
    let mut bodies = receiver.bodies(6).await;
    bodies.sort_unstable();
    assert_eq!(bodies, ["a", "a", "b", "b", "c", "c"]);
    hooks.shutdown(GRACE).await;
    assert_eq!((hooks.counts().delivered, hooks.counts().tries_failed), (3, 3));
}
