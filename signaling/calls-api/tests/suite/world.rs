//! A server with the API and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use databases::Folder;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use room::{Grants, Source};
use serde_json::{Value, json};
use store::{Place, Store};
use thalweg_calls_api::{
    Calls, Config, Done, Hook, Ingress, Knock, News, Opening, Pass, Push, Rates, Rooms, Secret, Visitor,
};
use tower::ServiceExt as _;

pub(crate) const SECRET: &str = "a secret that only this suite knows";

/// Rooms that note what they are told.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) grants: Mutex<BTreeMap<String, Grants>>,
    revoked: Mutex<BTreeMap<String, u64>>,
}

impl Noted {
    fn note<T: Send + 'static>(&self, text: String, answer: T) -> Done<T> {
        self.log.lock().unwrap().push(text);
        Box::pin(async move { answer })
    }

    /// What was done since the last time.
    pub(crate) fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl Rooms for Noted {
    fn keys(&self) -> BTreeMap<String, Secret> {
        [("key".to_owned(), Secret::new(SECRET))].into()
    }

    fn token(&self, pass: &Pass) -> String {
        format!("{} {} {} {} {}", pass.room, pass.user, pass.role, pass.ttl_s, pass.image)
    }

    fn permit(&self, _: &str, identity: &str, grants: Grants) -> Done<bool> {
        self.grants.lock().unwrap().insert(identity.to_owned(), grants);
        self.note(format!("permit {identity}"), true)
    }

    fn remove(&self, _: &str, identity: &str, void: bool) -> Done<bool> {
        let there = identity != "nobody";
        self.note(format!("remove {identity}{}", if void { " for good" } else { "" }), there)
    }

    fn close(&self, room: &str) -> Done<()> {
        self.note(format!("close {room}"), ())
    }

    fn mute(&self, _: &str, identity: &str, sources: BTreeSet<Source>) -> Done<usize> {
        self.note(format!("mute {identity}"), sources.len())
    }

    fn is_revoked(&self, identity: &str, issued_s: u64) -> bool {
        let revoked = self.revoked.lock().unwrap();
        [identity, ""].iter().any(|name| revoked.get(*name).is_some_and(|before_s| issued_s < *before_s))
    }

    fn revoke(&self, identity: Option<&str>, before_s: u64) -> Done<()> {
        self.revoked.lock().unwrap().insert(identity.unwrap_or_default().to_owned(), before_s);
        self.note(format!("revoke {}", identity.unwrap_or("all")), ())
    }

    fn ingress(&self, room: &str, identity: &str, id: &str) -> Done<Option<Ingress>> {
        let made = self.known_ingress(if id.is_empty() { "IN_1" } else { id });
        self.note(format!("ingress {room} {identity}"), made)
    }

    fn known_ingress(&self, id: &str) -> Option<Ingress> {
        Some(Ingress { id: id.into(), url: "rtmp://here/live".into(), stream_key: "key".into(), push: Push::default() })
    }

    fn renew_key(&self, id: &str) -> Done<Option<Ingress>> {
        self.note(format!("renew {id}"), self.known_ingress(id))
    }

    fn remove_ingress(&self, id: &str) -> Done<()> {
        self.note(format!("forget {id}"), ())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
}

impl Told {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn field(&self) -> &str {
        self.body["error"]["field"].as_str().unwrap_or_default()
    }
}

/// What calls are kept in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    /// The store inside the server.
    Sqlite,
    /// A PostgreSQL server beside it.
    Postgres,
}

impl Base {
    /// An empty store that may be opened again.
    pub(crate) async fn place(self, folder: &Folder) -> Place {
        match self {
            Self::Sqlite => Place::Folder(folder.path().into()),
            Self::Postgres => databases::postgres(folder).await.expect("PostgreSQL is there"),
        }
    }
}

pub(crate) struct World {
    pub(crate) calls: Calls,
    pub(crate) rooms: Arc<Noted>,
    pub(crate) hooks: Arc<Mutex<Vec<Hook>>>,
    router: Router,
    /// Where an empty store is, which goes with the world.
    _folder: Option<Folder>,
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token with claims laid over good ones.
pub(crate) fn signed(claims: Value) -> String {
    let mut all = json!({ "iat": now_s(), "exp": now_s() + 600 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &all, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A user's token.
pub(crate) fn user(name: &str, role: &str) -> String {
    signed(json!({ "sub": name, "role": role }))
}

/// A back end's token.
pub(crate) fn server() -> String {
    signed(json!({ "server": true }))
}

impl World {
    /// A server without limits of rate.
    pub(crate) async fn new(base: Base) -> Self {
        Self::with(base, |config| config.rates = Rates { user: 0, key: 0 }).await
    }

    /// A server with an empty store.
    pub(crate) async fn with(base: Base, change: impl FnOnce(&mut Config)) -> Self {
        if let Base::Sqlite = base {
            return Self::at(Place::Memory, change).await;
        }
        let folder = Folder::new();
        let world = Self::at(base.place(&folder).await, change).await;
        Self { _folder: Some(folder), ..world }
    }

    /// A server over what is there.
    pub(crate) async fn at(place: Place, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let store = Store::open(place, None).await.unwrap();
        let (rooms, hooks): (Arc<Noted>, Arc<Mutex<Vec<Hook>>>) = (Arc::default(), Arc::default());
        let sink = Arc::clone(&hooks);
        let tell = Arc::new(move |hook| sink.lock().unwrap().push(hook));
        let calls = Calls::start(config, store, Arc::clone(&rooms) as Arc<dyn Rooms>, tell).await.unwrap();
        Self { router: calls.router(), calls, rooms, hooks, _folder: None }
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Told { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Serves on loopback until the test ends; the address.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let service = self.router.clone().into_make_service();
        tokio::spawn(async move { axum::serve(listener, service).await });
        address
    }

    /// Asks below `/api/v1`, without a token when it is empty.
    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Told {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.request(request.body(body).unwrap()).await
    }

    /// A call of a type that a back end makes for hana; `more` is laid over the wish.
    pub(crate) async fn call(&self, path: &str, more: Value) -> Told {
        let mut wish = json!({ "created_by": "hana" });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = self.ask("POST", &format!("/calls/{path}"), &server(), wish).await;
        assert_eq!(told.status, 201, "{told:?}");
        told
    }

    /// What the door says to somebody with a media token for a role.
    pub(crate) async fn knock(&self, room: &str, identity: &str, role: &str) -> Opening {
        let (room, identity, role) = (room.into(), identity.into(), Some(role.into()));
        let knock = Knock { room, identity, visitor: Visitor::Person, role, only_asks: false, second: false };
        self.calls.admit(knock).await
    }

    /// Somebody comes in and its media is up.
    pub(crate) async fn enter(&self, room: &str, identity: &str, role: &str) -> Grants {
        let Opening::Granted(grants) = self.knock(room, identity, role).await else { panic!("{identity} stays out") };
        let (identity, session) = (identity.to_owned(), format!("PA_{identity}"));
        self.calls.news(room, News::Joined { identity, session, visitor: Visitor::Person });
        grants
    }

    /// The names of the events that back ends were told since the last time.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.hooks.lock().unwrap()).iter().map(|hook| hook.kind).collect()
    }

    /// Waits until a call has so many participants.
    pub(crate) async fn until_there(&self, path: &str, count: u64) {
        for _ in 0..2000 {
            let told = self.ask("GET", &format!("/calls/{path}"), &server(), Value::Null).await;
            if told.body["call"]["participants"] == count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{path} never had {count} participants");
    }
}
