//! Order, repetition, and what outlives a restart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::tables::spool;
use thalweg_hooks::{Counts, Filter, Policy};

use crate::receiver::{OK, Receiver, status};
use crate::{event, memory, policy, start};

/// More than anything here takes.
const GRACE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn events_arrive_signed_and_in_order_over_kept_connections() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let store = memory().await;
    let hooks = start(&store, policy(&[receiver.url("/hook?k=1")])).await;
    for number in 0..50 {
        hooks.tell(event("river", &number.to_string()));
    }
    hooks.shutdown(GRACE).await;
    let requests = receiver.requests(50).await;
    let bodies: Vec<String> = requests.iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, (0..50).map(|number: i32| number.to_string()).collect::<Vec<_>>());
    let first = &requests[0];
    assert_eq!(first.line, "POST /hook?k=1 HTTP/1.1");
    for (name, value) in [
        ("host", format!("127.0.0.1:{}", receiver.port)),
        ("content-type", "application/webhook+json".into()),
        // SHA-256 of "0" in base64.
        ("authorization", "signed X+zrZv/IbzjZUnhsbWlsecLbwjndTpG0ZynXOif7V+k=".into()),
        ("user-agent", "LiveKit".into()),
    ] {
        assert_eq!(first.headers.get(name), Some(&value), "{name}");
    }
    assert_eq!(requests.iter().map(|request| request.connection).max(), Some(0));
    assert_eq!(hooks.counts(), Counts { delivered: 50, ..Counts::default() });
    assert_eq!(spool::urls(&store).await, Ok(vec![]));
}

#[tokio::test]
async fn a_failed_event_comes_again_before_its_successors_and_others_rooms_go_on() {
    let b_came = AtomicBool::new(false);
    // The event of room a is taken only when that of room b has come.
    let receiver = Receiver::start(move |_, request| match request.body.as_str() {
        "a1" if !b_came.load(Ordering::Relaxed) => status("503 Service Unavailable"),
        body => {
            b_came.fetch_or(body == "b1", Ordering::Relaxed);
            OK.into()
        }
    });
    let receiver = receiver.await;
    let store = memory().await;
    let hooks = start(&store, policy(&[receiver.url("/")])).await;
    hooks.tell(event("a", "a1"));
    receiver.requests(1).await;
    hooks.tell(event("a", "a2"));
    hooks.tell(event("b", "b1"));
    let mut bodies = receiver.bodies(4).await;
    while bodies.last().is_none_or(|last| last != "a2") {
        bodies = receiver.bodies(bodies.len() + 1).await;
    }
    let taken = bodies.iter().skip_while(|body| *body != "b1").collect::<Vec<_>>();
    assert_eq!(taken, ["b1", "a1", "a2"], "{bodies:?}");
    hooks.shutdown(GRACE).await;
    assert_eq!(hooks.counts().delivered, 3);
}

#[tokio::test]
async fn a_dead_url_delays_no_other_and_is_remembered() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    // A port on which nobody listens.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let dead_url = format!("http://{dead}/");
    let store = memory().await;
    let urls = [dead_url.clone(), receiver.url("/")];
    let hooks = start(&store, policy(&urls)).await;
    for number in 0..20 {
        hooks.tell(event("river", &number.to_string()));
    }
    assert_eq!(receiver.bodies(20).await.len(), 20);
    hooks.shutdown(GRACE).await;
    assert_eq!(hooks.counts().waiting, 20);
    assert!(hooks.counts().tries_failed > 0);

    // It comes to life; what it missed comes first, and in order.
    let revived = Receiver::at(dead, |_, _| OK.into()).await;
    let hooks = start(&store, policy(&urls)).await;
    hooks.tell(event("river", "20"));
    let bodies = revived.bodies(21).await;
    assert_eq!(bodies, (0..21).map(|number: i32| number.to_string()).collect::<Vec<_>>());
    hooks.shutdown(GRACE).await;
    assert_eq!(receiver.so_far(), 21);
    assert_eq!(spool::urls(&store).await, Ok(vec![]));
}

#[tokio::test]
async fn a_url_that_is_gone_from_the_configuration_is_forgotten() {
    let store = memory().await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let hooks = start(&store, policy(&[format!("http://{dead}/")])).await;
    hooks.tell(event("river", "1"));
    hooks.shutdown(GRACE).await;
    assert_eq!(spool::urls(&store).await.map(|urls| urls.len()), Ok(1));
    start(&store, policy(&[])).await.shutdown(GRACE).await;
    assert_eq!(spool::urls(&store).await, Ok(vec![]));
}

#[tokio::test]
async fn only_wanted_events_are_sent() {
    let receiver = Receiver::start(|_, _| OK.into()).await;
    let store = memory().await;
    let filter = Filter { exclude: vec!["room_started".into()], ..Filter::default() };
    let hooks = start(&store, Policy { filter, ..policy(&[receiver.url("/")]) }).await;
    hooks.tell(event("river", "1"));
    hooks.shutdown(GRACE).await;
    assert_eq!(receiver.so_far(), 0);
    assert_eq!(hooks.counts(), Counts::default());
}
