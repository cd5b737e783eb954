//! How long get-or-create takes at a steady rate, beside a bare insert into the same kind of store:
//! `cargo test --release -p thalweg-calls-api --test suite creation -- --ignored --nocapture`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use store::tables::CallUser;
use store::{Place, Store};
use thalweg_calls_api::Rates;

use crate::world::{World, server};

/// Requests in a second, and for how many seconds.
const RATE: u32 = 500;
const SECONDS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "figures, not a test"]
async fn creation() {
    let folder = std::env::temp_dir().join(format!("thalweg-figures-{}", std::process::id()));
    let place = |name: &str| Place::Folder(PathBuf::from(&folder).join(name));
    let bare = Store::open(place("bare"), None).await.unwrap();
    let insert = steady(move |index| {
        let store = bare.clone();
        async move {
            let user = CallUser { id: index.to_string(), ..CallUser::default() };
            store.commit(vec![user.put()]).await.unwrap();
        }
    });
    let (p50, p99) = insert.await;
    println!("bare insert: p50 {p50:?}, p99 {p99:?}");
    let world = Arc::new(World::at(place("api"), |config| config.rates = Rates { user: 0, key: 0 }).await);
    let token = server();
    let create = steady(move |index| {
        let (world, token) = (Arc::clone(&world), token.clone());
        async move {
            let wish = json!({ "created_by": "ann", "members": [{ "user": "bob" }] });
            let told = world.ask("POST", &format!("/calls/default/c{index}"), &token, wish).await;
            assert_eq!(told.status, 201, "{told:?}");
        }
    });
    let (api50, api99) = create.await;
    println!("get or create: p50 {api50:?}, p99 {api99:?}");
    println!("ratio: p50 {:.2}, p99 {:.2}", ratio(api50, p50), ratio(api99, p99));
    // What is left of it is in the way of nobody.
    let _ = std::fs::remove_dir_all(folder);
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Starts work at a steady rate, whether or not what began before has ended: the median and the 99th percentile.
async fn steady<F: Future<Output = ()> + Send + 'static>(work: impl Fn(u32) -> F) -> (Duration, Duration) {
    let begin = tokio::time::Instant::now();
    let mut tasks = Vec::new();
    for index in 0..RATE * SECONDS {
        tokio::time::sleep_until(begin + Duration::from_secs(1) / RATE * index).await;
        let one = work(index);
        tasks.push(tokio::spawn(async move {
            let begun = Instant::now();
            one.await;
            begun.elapsed()
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap());
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
