//! The transcoder with real child processes: through, killed, hung, fed with noise.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use transcode::{
    Accepted, AccessUnit, AudioPlan, Codec, Failure, Launch, LayerPlan, Output, Patience, Plan, State, Transcoder,
    VideoPlan,
};

#[path = "../src/testing.rs"]
mod testing;

use testing::{B_FRAMES, BASELINE, TONE_44100, pictures, sound};

/// Nothing here takes so long; it only ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

fn launch() -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_thalweg-transcode-child").into(),
        arguments: Vec::new(),
        patience: Patience::default(),
    }
}

fn plan() -> Plan {
    let layer = |height| LayerPlan { height, bitrate: 1_000_000, frame_rate: 30 };
    let video = VideoPlan { layers: vec![layer(180), layer(90)] };
    Plan { audio: Some(AudioPlan { bitrate: 64_000 }), video: Some(video) }
}

fn later(units: Vec<AccessUnit>, ms: i64) -> Vec<AccessUnit> {
    units.into_iter().map(|unit| AccessUnit { dts_ms: unit.dts_ms + ms, pts_ms: unit.pts_ms + ms, ..unit }).collect()
}

/// Takes outputs until one answers the question.
async fn until<T>(transcoder: &mut Transcoder, mut wanted: impl FnMut(&Output) -> Option<T>) -> T {
    let search = async {
        loop {
            let output = transcoder.next().await.expect("the transcoder goes on");
            if let Some(found) = wanted(&output) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("an answer comes")
}

async fn state<T>(transcoder: &mut Transcoder, mut wanted: impl FnMut(&State) -> Option<T>) -> T {
    until(transcoder, |output| if let Output::State(state) = output { wanted(state) } else { None }).await
}

/// The next picture of a layer: its time in milliseconds, and whether it is a key frame.
async fn picture(transcoder: &mut Transcoder, wanted: u8) -> (i64, bool) {
    until(transcoder, |output| match output {
        Output::H264 { layer, pts_us, keyframe, .. } if *layer == wanted => Some((pts_us / 1000, *keyframe)),
        _ => None,
    })
    .await
}

fn send_all(transcoder: &Transcoder, units: &[AccessUnit]) {
    for unit in units {
        assert_eq!(transcoder.send(unit.clone()), Accepted::Queued);
    }
}

/// A child that does what a stranger would have it do.
fn taken_over(word: &str) -> Launch {
    Launch { arguments: vec![word.into()], ..launch() }
}

fn signal(transcoder: &Transcoder, signal: Signal) {
    let child = transcoder.feed().child().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    kill_process(child.expect("a child runs"), signal).expect("it can be told");
}

async fn failure(transcoder: &mut Transcoder) -> Failure {
    state(transcoder, |state| match state {
        State::Restarting(failure) => Some(failure.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn both_media_come_through() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    send_all(&transcoder, &sound(TONE_44100, 0));
    send_all(&transcoder, &pictures(B_FRAMES)[..50]);
    let first = until(&mut transcoder, |output| match output {
        Output::Opus { pts_us, .. } => Some(*pts_us),
        _ => None,
    });
    assert_eq!(first.await, -6500);
    assert_eq!(picture(&mut transcoder, 1).await, (67, true));
    for _ in 0..40 {
        assert!(!picture(&mut transcoder, 0).await.1);
    }
    transcoder.feed().keyframe(0);
    send_all(&transcoder, &pictures(B_FRAMES)[50..]);
    while !picture(&mut transcoder, 0).await.1 {}
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn every_thread_of_a_child_is_confined() {
    for (plan, threads) in [(plan(), 2), (Plan { video: None, ..plan() }, 1)] {
        let mut transcoder = Transcoder::start(launch(), plan).unwrap();
        state(&mut transcoder, |state| matches!(state, State::Running).then_some(())).await;
        let tasks = format!("/proc/{}/task", transcoder.feed().child().expect("a child runs"));
        let tasks: Vec<_> = std::fs::read_dir(tasks).unwrap().map(|task| task.unwrap().path()).collect();
        assert_eq!(tasks.len(), threads);
        for task in tasks {
            let status = std::fs::read_to_string(task.join("status")).unwrap();
            // Filtered (proc(5)).
            assert!(status.lines().any(|line| line == "Seccomp:\t2"), "{status}");
        }
    }
}

#[tokio::test]
async fn a_killed_child_is_replaced_and_the_picture_goes_on() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    let units = pictures(B_FRAMES);
    send_all(&transcoder, &sound(TONE_44100, 0)[..10]);
    send_all(&transcoder, &units[..10]);
    let mut shown = picture(&mut transcoder, 0).await.0;
    signal(&transcoder, Signal::KILL);
    let why = failure(&mut transcoder).await;
    assert!(why.to_string().contains("signal: 9"), "{why}");
    // No key frame comes for a while: the new child has decoded the group's beginning again.
    send_all(&transcoder, &units[10..25]);
    send_all(&transcoder, &sound(TONE_44100, 0)[10..60]);
    state(&mut transcoder, |state| (*state == State::Running).then_some(())).await;
    let (next, keyframe) = picture(&mut transcoder, 0).await;
    assert!(keyframe && next > shown, "{next} after {shown}");
    while shown < 700 {
        let (next, _) = picture(&mut transcoder, 0).await;
        assert!(next > shown, "time never goes back");
        shown = next;
    }
    until(&mut transcoder, |output| matches!(output, Output::Opus { pts_us, .. } if *pts_us > 1_000_000).then_some(()))
        .await;
}

#[tokio::test]
async fn one_streams_child_is_no_other_streams() {
    let mut unharmed = Transcoder::start(launch(), plan()).unwrap();
    let mut killed = Transcoder::start(launch(), plan()).unwrap();
    let units = pictures(B_FRAMES);
    for transcoder in [&mut unharmed, &mut killed] {
        send_all(transcoder, &units[..10]);
        picture(transcoder, 0).await;
    }
    let child = unharmed.feed().child();
    signal(&killed, Signal::KILL);
    failure(&mut killed).await;
    send_all(&unharmed, &units[10..]);
    let last = units.iter().map(|unit| unit.pts_ms).max().unwrap();
    let mut states = Vec::new();
    until(&mut unharmed, |output| match output {
        Output::State(state) => {
            states.push(state.clone());
            None
        }
        Output::H264 { layer: 0, pts_us, .. } => (pts_us / 1000 >= last - 100).then_some(()),
        _ => None,
    })
    .await;
    assert!(!states.iter().any(|state| matches!(state, State::Restarting(_))), "{states:?}");
    assert_eq!(unharmed.feed().child(), child);
}

#[tokio::test]
async fn a_child_that_is_stopped_is_replaced_and_the_picture_goes_on() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    let units = pictures(B_FRAMES);
    send_all(&transcoder, &units[..10]);
    let shown = picture(&mut transcoder, 0).await.0;
    signal(&transcoder, Signal::STOP);
    send_all(&transcoder, &units[10..25]);
    let why = failure(&mut transcoder).await;
    assert!(matches!(why, Failure::Hung(1000..)), "{why}");
    // What the stopped child was given is too late to be shown.
    send_all(&transcoder, &units[25..45]);
    let (next, keyframe) = picture(&mut transcoder, 0).await;
    assert!(next > shown && keyframe, "{next} after {shown}");
}

#[tokio::test]
async fn a_child_that_does_nothing_or_works_without_an_end_is_killed() {
    let idle = Launch { program: "/bin/sleep".into(), arguments: vec!["1000".into()], ..launch() };
    let mut transcoder = Transcoder::start(idle, plan()).unwrap();
    send_all(&transcoder, &pictures(BASELINE));
    assert!(matches!(failure(&mut transcoder).await, Failure::Hung(1000..)));
    let patience = Patience { work: Duration::from_millis(300), ..Patience::default() };
    let mut transcoder = Transcoder::start(Launch { patience, ..taken_over("spin") }, plan()).unwrap();
    send_all(&transcoder, &pictures(BASELINE));
    assert!(matches!(failure(&mut transcoder).await, Failure::Spun(300..)));
}

#[tokio::test]
async fn a_child_that_takes_all_memory_is_stopped_by_its_limit() {
    let bomb = std::process::Command::new(env!("CARGO_BIN_EXE_thalweg-transcode-child")).arg("bomb").output().unwrap();
    let told = String::from_utf8(bomb.stderr).unwrap();
    let most = told.lines().filter_map(|line| line.parse::<u64>().ok()).max().unwrap();
    assert!(!bomb.status.success() && most < transcode::limits::ADDRESS_BYTES_MAX, "{:?} at {most}", bomb.status);
    let mut transcoder = Transcoder::start(taken_over("bomb"), plan()).unwrap();
    send_all(&transcoder, &pictures(BASELINE));
    assert!(matches!(failure(&mut transcoder).await, Failure::Exited(_)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_was_taken_over_can_do_nothing() {
    let tried = std::process::Command::new(env!("CARGO_BIN_EXE_thalweg-transcode-child")).arg("break-out").output();
    let tried = tried.unwrap();
    assert_eq!(String::from_utf8_lossy(&tried.stdout), "", "{:?}", tried.status);
    assert!(tried.status.success(), "{tried:?}");
}

#[tokio::test]
async fn a_child_that_speaks_no_sense_is_killed() {
    let babble = Launch { program: "/bin/echo".into(), arguments: vec!["nonsense".into()], ..launch() };
    let mut transcoder = Transcoder::start(babble, plan()).unwrap();
    assert!(matches!(failure(&mut transcoder).await, Failure::Garbled(_)));
}

#[tokio::test(start_paused = true)]
async fn what_never_starts_is_given_up() {
    let missing = Launch { program: "/nowhere/thalweg".into(), ..launch() };
    let mut transcoder = Transcoder::start(missing, plan()).unwrap();
    let mut restarts = 0;
    let failure = state(&mut transcoder, |state| match state {
        State::GaveUp(failure) => Some(failure.clone()),
        _ => {
            restarts += 1;
            None
        }
    })
    .await;
    assert!(matches!(failure, Failure::Start(_)));
    assert_eq!(restarts, 7);
    assert_eq!(transcoder.next().await, None);
    assert_eq!(transcoder.send(pictures(BASELINE)[0].clone()), Accepted::Closed);
}

#[tokio::test]
async fn noise_costs_at_most_a_restart() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    send_all(&transcoder, &sound(TONE_44100, 0));
    let mut state = 7u32;
    for (n, mut unit) in pictures(B_FRAMES).into_iter().enumerate() {
        let mut data = unit.data.to_vec();
        // Every byte in the first pictures' headers, then a few anywhere: both roads into a decoder.
        for _ in 0..1 + n / 2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = 5 + state as usize / 65_536 % (data.len() - 5);
            data[at] = (state >> 24) as u8;
        }
        unit.data = data.into();
        transcoder.send(unit);
    }
    for round in 1..100 {
        // A clean stream comes through in the end, whatever noise did to the child.
        let clean = later(pictures(BASELINE), 2000 + round * 500);
        for unit in &clean {
            transcoder.send(unit.clone());
        }
        let from = clean[0].pts_ms;
        let shown =
            tokio::time::timeout(Duration::from_secs(5), async { while picture(&mut transcoder, 1).await.0 < from {} });
        if shown.await.is_ok() {
            return;
        }
    }
    panic!("the clean stream never came through");
}

#[tokio::test]
async fn a_size_that_changes_with_every_picture_costs_no_child() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    let sizes = [pictures(B_FRAMES)[0].clone(), pictures(BASELINE)[0].clone()];
    for (n, unit) in (0..40).zip(sizes.iter().cycle()) {
        transcoder.send(AccessUnit { dts_ms: n * 33, pts_ms: n * 33, ..unit.clone() });
    }
    let mut failed = false;
    until(&mut transcoder, |output| {
        failed |= matches!(output, Output::State(State::Restarting(_)));
        matches!(output, Output::H264 { pts_us, .. } if *pts_us >= 38 * 33_000).then_some(())
    })
    .await;
    assert!(!failed, "no decoder and no encoder minds");
}

#[tokio::test]
async fn the_child_ends_with_its_transcoder() {
    let mut transcoder = Transcoder::start(launch(), plan()).unwrap();
    state(&mut transcoder, |state| (*state == State::Running).then_some(())).await;
    let feed = transcoder.feed().clone();
    let child = Pid::from_raw(i32::try_from(feed.child().unwrap()).unwrap()).unwrap();
    drop(transcoder);
    let gone = async {
        while feed.child().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the child is reaped");
    assert!(kill_process(child, Signal::CONT).is_err(), "no such process is left");
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    let plan = Plan { audio: Some(AudioPlan { bitrate: 0 }), video: None };
    assert!(Transcoder::start(launch(), plan).is_err());
}
