//! Ingresses as an administrator and as encoders see them.

use super::*;

const RTMP: proto::IngressInput = proto::IngressInput::RtmpInput;
const WHIP: proto::IngressInput = proto::IngressInput::WhipInput;

fn request(identity: &str) -> proto::CreateIngressRequest {
    proto::CreateIngressRequest {
        participant_identity: identity.into(),
        room_name: "river".into(),
        ..Default::default()
    }
}

fn url(url: &str) -> proto::CreateIngressRequest {
    proto::CreateIngressRequest { input_type: 2, url: url.into(), ..request("film") }
}

/// Keeps what it is to pull.
#[derive(Default)]
struct Bucket(Mutex<Vec<Push>>);

impl Puller for Bucket {
    fn check(&self, url: &str) -> Result<(), IngressError> {
        if url.starts_with("http") { Ok(()) } else { Err(IngressError::Invalid("no URL".into())) }
    }

    fn pull(&self, push: Push) {
        self.0.lock().unwrap().push(push);
    }
}

fn ingresses() -> Ingresses {
    let ingresses = Ingresses::default();
    ingresses.serve_rtmp("rtmp://localhost:1935/live");
    ingresses
}

fn status(ingresses: &Ingresses, id: &str) -> Status {
    ingresses.list("", id)[0].state.as_ref().unwrap().status()
}

#[tokio::test]
async fn creates_lists_updates_and_deletes() {
    let ingresses = ingresses();
    let info = ingresses.create(request("obs")).await.unwrap();
    assert!(info.ingress_id.starts_with("IN_") && info.stream_key.len() == KEY_CHARS && info.reusable);
    assert_eq!(info.url, "rtmp://localhost:1935/live");
    assert_eq!(info.video.as_ref().unwrap().source(), proto::TrackSource::Camera);
    let other = proto::CreateIngressRequest { room_name: "lake".into(), ..request("cam") };
    let other = ingresses.create(other).await.unwrap();
    assert_ne!(other.stream_key, info.stream_key);
    assert_eq!(ingresses.list("", "").len(), 2);
    assert_eq!(ingresses.list("lake", ""), [other]);
    let update = proto::UpdateIngressRequest {
        ingress_id: info.ingress_id.clone(),
        room_name: "sea".into(),
        ..Default::default()
    };
    let updated = ingresses.update(update).await.unwrap();
    assert_eq!((updated.room_name.as_str(), updated.participant_identity.as_str()), ("sea", "obs"));
    assert_eq!(ingresses.delete(&info.ingress_id).await.unwrap().room_name, "sea");
    assert_eq!(ingresses.delete(&info.ingress_id).await, Err(IngressError::Missing));
    assert_eq!(ingresses.update(Default::default()).await, Err(IngressError::Missing));
}

#[tokio::test]
async fn refuses_what_cannot_be() {
    let ingresses = ingresses();
    assert!(matches!(ingresses.create(request("")).await, Err(IngressError::Invalid(_))));
    assert!(matches!(ingresses.create(url("http://h/live.flv")).await, Err(IngressError::Unserved(_))));
    assert!(matches!(Ingresses::default().create(request("x")).await, Err(IngressError::Unserved(_))));
    for _ in 0..INGRESSES_MAX {
        ingresses.create(request("x")).await.unwrap();
    }
    assert_eq!(ingresses.create(request("x")).await, Err(IngressError::TooMany));
}

#[tokio::test]
async fn a_key_opens_its_ingress_for_one_at_a_time() {
    let (ingresses, now) = (ingresses(), Instant::now());
    let info = ingresses.create(request("obs")).await.unwrap();
    let open = |key: &str, now| ingresses.begin(key, RTMP, now);
    assert_eq!(open("", now).unwrap_err(), KeyRefusal::Unknown);
    assert_eq!(open(&info.stream_key[1..], now).unwrap_err(), KeyRefusal::Unknown);
    let push = open(&info.stream_key, now).unwrap();
    assert_eq!(status(&ingresses, &info.ingress_id), Status::EndpointBuffering);
    assert!(!format!("{push:?}").contains(&info.stream_key));
    push.heard(now + SILENCE_MIN);
    assert_eq!(open(&info.stream_key, now + SILENCE_MIN).unwrap_err(), KeyRefusal::InUse);
    let mut old = push;
    let _new = open(&info.stream_key, now + 2 * SILENCE_MIN).unwrap();
    assert_eq!(old.ended.try_recv(), Ok(PushEnd::TakenOver));
    // The old one's words no longer count.
    old.note(|state| state.error = "old".into());
    drop(old);
    assert_eq!(ingresses.counts(), (1, 1));
    assert!(ingresses.list("", "")[0].state.as_ref().unwrap().error.is_empty());
}

#[tokio::test]
async fn a_disabled_or_deleted_ingress_ends_its_push() {
    let (ingresses, now) = (ingresses(), Instant::now());
    for delete in [true, false] {
        let info = ingresses.create(request("obs")).await.unwrap();
        let mut push = ingresses.begin(&info.stream_key, RTMP, now).unwrap();
        if delete {
            ingresses.delete(&info.ingress_id).await.unwrap();
        } else {
            let ingress_id = info.ingress_id.clone();
            let update = proto::UpdateIngressRequest { ingress_id, enabled: Some(false), ..Default::default() };
            ingresses.update(update).await.unwrap();
            assert_eq!(ingresses.begin(&info.stream_key, RTMP, now).unwrap_err(), KeyRefusal::Disabled);
        }
        assert_eq!(push.ended.try_recv(), Ok(PushEnd::Revoked));
    }
}

#[tokio::test]
async fn the_state_follows_the_push_and_keeps_its_error() {
    let (ingresses, now) = (ingresses(), Instant::now());
    let info = ingresses.create(request("obs")).await.unwrap();
    drop(ingresses.begin(&info.stream_key, RTMP, now).unwrap());
    assert_eq!(status(&ingresses, &info.ingress_id), Status::EndpointInactive);
    assert_eq!(ingresses.counts(), (1, 0));
    let push = ingresses.begin(&info.stream_key, RTMP, now).unwrap();
    push.note(|state| {
        state.status = Status::EndpointError.into();
        state.error = "broken".into();
    });
    drop(push);
    let state = ingresses.list("", "")[0].state.clone().unwrap();
    assert_eq!((state.status(), state.error.as_str()), (Status::EndpointError, "broken"));
    assert!(state.ended_at >= state.started_at && state.started_at > 0);
}

#[test]
fn keys_are_the_same_only_when_they_are() {
    assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"abc", b"abcd"));
    assert!(!same(b"abc", b""));
}

#[tokio::test]
async fn what_is_kept_comes_back_and_what_is_not_kept_is_not_there() {
    let kept: Arc<Mutex<Vec<Change>>> = Arc::default();
    let sink = Arc::clone(&kept);
    let keeper: Keeper = Arc::new(move |change| {
        sink.lock().unwrap().push(change);
        Box::pin(std::future::ready(true))
    });
    let first = ingresses();
    first.keep([], Arc::clone(&keeper));
    let info = first.create(request("obs")).await.unwrap();
    let Some(Change::Add(record)) = kept.lock().unwrap().pop() else { panic!("not kept") };
    assert!(!record.settings.contains(&info.stream_key) && !format!("{record:?}").contains(&info.stream_key));
    let second = ingresses();
    second.keep([record], keeper);
    assert_eq!(second.list("", ""), std::slice::from_ref(&info));
    assert!(second.begin(&info.stream_key, RTMP, Instant::now()).is_ok());
    second.delete(&info.ingress_id).await.unwrap();
    assert_eq!(kept.lock().unwrap().pop(), Some(Change::Remove(info.ingress_id)));

    let broken = ingresses();
    broken.keep([], Arc::new(|_| Box::pin(std::future::ready(false))));
    assert_eq!(broken.create(request("obs")).await, Err(IngressError::Unkept));
    assert!(broken.list("", "").is_empty());
}

#[tokio::test]
async fn webhooks_tell_begin_and_end_without_the_key() {
    let told: Arc<Mutex<Vec<crate::webhook::Webhook>>> = Arc::default();
    let sink = Arc::clone(&told);
    let ingresses = ingresses();
    ingresses.tell(Webhooks { sink: Arc::new(move |hook| sink.lock().unwrap().push(hook)), full_room: false });
    let info = ingresses.create(request("obs")).await.unwrap();
    // One that never gets as far as a room is not told.
    drop(ingresses.begin(&info.stream_key, RTMP, Instant::now()).unwrap());
    let push = ingresses.begin(&info.stream_key, RTMP, Instant::now()).unwrap();
    for _ in 0..2 {
        push.note(|state| state.status = Status::EndpointPublishing.into());
    }
    drop(push);
    let told = told.lock().unwrap();
    assert_eq!(told.iter().map(|it| it.kind).collect::<Vec<_>>(), ["ingress_started", "ingress_ended"]);
    assert!(told.iter().all(|it| it.body.contains(&info.ingress_id) && !it.body.contains(&info.stream_key)));
}

#[tokio::test]
async fn a_key_opens_only_the_door_of_its_input() {
    let (ingresses, now) = (ingresses(), Instant::now());
    let whip = proto::CreateIngressRequest { input_type: WHIP.into(), ..request("cam") };
    assert!(matches!(ingresses.create(whip.clone()).await, Err(IngressError::Unserved(_))), "it is not served yet");
    ingresses.serve_whip("http://localhost:7880/whip");
    let info = ingresses.create(whip.clone()).await.unwrap();
    assert_eq!((info.url.as_str(), info.enable_transcoding), ("http://localhost:7880/whip", Some(false)));
    assert_eq!(ingresses.begin(&info.stream_key, RTMP, now).unwrap_err(), KeyRefusal::OtherInput);
    assert!(ingresses.begin(&info.stream_key, WHIP, now).is_ok());
    let transcoded = proto::CreateIngressRequest { enable_transcoding: Some(true), ..whip };
    assert!(matches!(ingresses.create(transcoded).await, Err(IngressError::Unserved(_))));
}

#[tokio::test]
async fn a_rotated_key_cuts_off_who_sends_and_opens_nothing_any_more() {
    let (ingresses, now) = (ingresses(), Instant::now());
    let told: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let sink = Arc::clone(&told);
    ingresses.tell(Webhooks { sink: Arc::new(move |hook| sink.lock().unwrap().push(hook.kind)), full_room: false });
    let info = ingresses.create(request("obs")).await.unwrap();
    let mut push = ingresses.begin(&info.stream_key, RTMP, now).unwrap();
    push.note(|state| state.status = Status::EndpointPublishing.into());
    let rotated = ingresses.rotate(&info.ingress_id).await.unwrap();
    assert_eq!(rotated.ingress_id, info.ingress_id);
    assert_eq!(push.ended().await, PushEnd::Revoked);
    assert_eq!(status(&ingresses, &info.ingress_id), Status::EndpointInactive);
    assert_eq!(ingresses.begin(&info.stream_key, RTMP, now).unwrap_err(), KeyRefusal::Unknown);
    drop(push);
    assert!(ingresses.begin(&rotated.stream_key, RTMP, now).is_ok());
    assert_eq!(*told.lock().unwrap(), ["ingress_started", "ingress_ended", "ingress_updated"]);
    assert_eq!(ingresses.rotate("IN_none").await, Err(IngressError::Missing));
}

#[tokio::test]
async fn a_url_is_pulled_at_once_and_until_its_end() {
    let (ingresses, bucket, now) = (ingresses(), Arc::new(Bucket::default()), Instant::now());
    ingresses.serve_urls(Arc::clone(&bucket) as Arc<dyn Puller>);
    let info = ingresses.create(url("http://h/live.flv")).await.unwrap();
    assert_eq!((info.url.as_str(), info.stream_key.as_str(), info.reusable), ("http://h/live.flv", "", false));
    assert_eq!(info.state.as_ref().unwrap().status(), Status::EndpointBuffering);
    assert_eq!(ingresses.begin("", RTMP, now).unwrap_err(), KeyRefusal::Unknown, "no key is no key");
    assert!(matches!(ingresses.rotate(&info.ingress_id).await, Err(IngressError::Invalid(_))));
    let push = bucket.0.lock().unwrap().pop().unwrap();
    push.note(|state| state.status = Status::EndpointComplete.into());
    drop(push);
    assert_eq!(status(&ingresses, &info.ingress_id), Status::EndpointComplete);

    let info = ingresses.create(url("http://h/live.flv")).await.unwrap();
    ingresses.delete(&info.ingress_id).await.unwrap();
    let mut push = bucket.0.lock().unwrap().pop().unwrap();
    assert_eq!(push.ended().await, PushEnd::Revoked);

    let nowhere = proto::CreateIngressRequest { room_name: String::new(), ..url("http://h/live.flv") };
    let disabled = proto::CreateIngressRequest { enabled: Some(false), ..url("http://h/live.flv") };
    for refused in [url("ftp://h/live.flv"), nowhere, disabled] {
        assert!(matches!(ingresses.create(refused).await, Err(IngressError::Invalid(_))));
    }
    assert!(bucket.0.lock().unwrap().is_empty());
}

#[test]
fn an_ingress_of_a_url_is_kept_without_a_key() {
    let info = |id: &str| IngressInfo { ingress_id: id.into(), input_type: 2, ..Default::default() };
    let records = [Record::of(&info("IN_a")), Record::of(&info("IN_b"))];
    assert_ne!(records[0].stream_key, records[1].stream_key, "keys are unique where they are kept");
    assert!(records.into_iter().all(|record| record.info().unwrap().stream_key.is_empty()));
}
