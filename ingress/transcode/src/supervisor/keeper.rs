//! The task that keeps a child running.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::Launch;
use super::patience::Progress;
use super::pulse::Pulse;
use super::queue::{Next, Queue};
use super::usage::{Meter, Usage};
use crate::plan::Plan;
use crate::protocol::{FRAME_BYTES_MAX, FromChild, LENGTH_BYTES, ToChild, frame_len};
use crate::state::{Failure, State};
use crate::unit::Output;

/// A child that lived so long was healthy: its successor starts at once, and may decode again what it had.
const HEALTHY: Duration = Duration::from_secs(5);
/// Pause before a child whose predecessor was not healthy, for each such in a row.
const PAUSE: Duration = Duration::from_millis(200);
/// So many unhealthy children in a row end the attempts: the stream itself must be what kills them.
const FAILURES_MAX: u32 = 8;
/// Skipped pictures are told so often at most.
const SKIPPED_EVERY: Duration = Duration::from_secs(1);
/// What a child costs is noted so often.
const MEASURED_EVERY: Duration = Duration::from_secs(1);
/// Bytes read from a child at once at least.
const READ_BYTES: usize = 64 * 1024;

/// What keeps one transcoder's child.
pub(super) struct Keeper {
    launch: Launch,
    plan: Plan,
    queue: Arc<Queue>,
    outputs: mpsc::Sender<Output>,
    child: Arc<AtomicU32>,
    usage: Arc<Usage>,
}

/// Why the two halves stopped.
enum End {
    Failed(Failure),
    Closed,
}

impl Keeper {
    pub(super) fn new(
        launch: Launch,
        plan: Plan,
        queue: Arc<Queue>,
        outputs: mpsc::Sender<Output>,
        (child, usage): (Arc<AtomicU32>, Arc<Usage>),
    ) -> Self {
        Self { launch, plan, queue, outputs, child, usage }
    }

    /// Runs children until the transcoder is dropped or too many failed.
    pub(super) async fn run(self) {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let end = self.run_child().await;
            self.child.store(0, Ordering::Relaxed);
            let End::Failed(failure) = end else { return };
            if self.queue.is_closed() {
                return;
            }
            let healthy = begun.elapsed() >= HEALTHY;
            failures = if healthy { 1 } else { failures + 1 };
            tracing::warn!(%failure, failures, "the transcoder's process failed");
            if failures >= FAILURES_MAX {
                self.tell(State::GaveUp(failure)).await;
                self.queue.close();
                return;
            }
            self.tell(State::Restarting(failure)).await;
            // The first failure may be the machine's; if the stream is to blame, decoding it again would kill again.
            self.queue.restart(failures == 1);
            sleep(PAUSE * (failures - 1)).await;
        }
    }

    async fn run_child(&self) -> End {
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return End::Failed(Failure::Start(error.to_string())),
        };
        self.child.store(child.id().unwrap_or(0), Ordering::Relaxed);
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return End::Failed(Failure::Start("it has no pipes".to_owned()));
        };
        let progress = Mutex::new(Progress::new());
        let mut meter = Meter::new(Instant::now().into_std());
        let end = tokio::select! {
            end = self.write(input, &progress) => end,
            end = self.read(output, &progress) => end,
            () = self.measure(&mut meter) => End::Closed,
        };
        self.look(&mut meter);
        // Whatever it does now, nobody listens; its status is the better reason when it ended by itself.
        let ended = timeout(PAUSE, child.wait()).await;
        let _ = child.kill().await;
        match (end, ended) {
            (End::Failed(Failure::Exited(_)), Ok(Ok(status))) => End::Failed(Failure::Exited(status.to_string())),
            (end, _) => end,
        }
    }

    /// Notes every second what the child cost; has no end of its own.
    async fn measure(&self, meter: &mut Meter) {
        loop {
            sleep(MEASURED_EVERY).await;
            self.look(meter);
        }
    }

    fn look(&self, meter: &mut Meter) {
        meter.look(Instant::now().into_std(), Pulse::of(self.child.load(Ordering::Relaxed)), &self.usage);
    }

    fn spawn(&self) -> std::io::Result<Child> {
        Command::new(&self.launch.program)
            .args(&self.launch.arguments)
            // The server's environment may hold its secrets.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    async fn write(&self, mut input: ChildStdin, progress: &Mutex<Progress>) -> End {
        let mut word = ToChild::Plan(self.plan.clone());
        let mut told = Instant::now();
        loop {
            if matches!(word, ToChild::Unit(_) | ToChild::Again(_)) {
                lock(progress).give();
            }
            if let Err(error) = input.write_all(&word.frame()).await {
                return End::Failed(Failure::Exited(error.to_string()));
            }
            word = match self.queue.next().await {
                Next::Word(word) => word,
                Next::Closed => return End::Closed,
            };
            if told.elapsed() >= SKIPPED_EVERY {
                told = Instant::now();
                let skipped = self.queue.skipped();
                if skipped > 0 {
                    self.tell(State::Skipped(skipped)).await;
                }
            }
        }
    }

    async fn read(&self, mut output: ChildStdout, progress: &Mutex<Progress>) -> End {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        loop {
            match take_frame(&mut buffer) {
                Ok(Some(FromChild::Done(done))) => lock(progress).finish(done),
                Ok(Some(word)) => {
                    if self.outputs.send(output_of(word)).await.is_err() {
                        return End::Closed;
                    }
                }
                Ok(None) => {
                    buffer.reserve(READ_BYTES);
                    let read = timeout(self.launch.patience.look, output.read_buf(&mut buffer)).await;
                    match read {
                        Ok(Ok(0)) => return End::Failed(Failure::Exited("it closed its output".to_owned())),
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => return End::Failed(Failure::Exited(error.to_string())),
                        Err(_) if self.queue.is_closed() => return End::Closed,
                        Err(_) => {
                            let pulse = Pulse::of(self.child.load(Ordering::Relaxed));
                            if let Some(failure) = lock(progress).verdict(pulse, &self.launch.patience) {
                                return End::Failed(failure);
                            }
                        }
                    }
                }
                Err(what) => return End::Failed(Failure::Garbled(what)),
            }
        }
    }

    async fn tell(&self, state: State) {
        let _ = self.outputs.send(Output::State(state)).await;
    }
}

fn lock(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next whole frame of the buffer, parsed.
fn take_frame(buffer: &mut BytesMut) -> Result<Option<FromChild>, String> {
    let Some(&length) = buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let len = frame_len(length).map_err(|garbled| garbled.to_string())?;
    debug_assert!(len <= FRAME_BYTES_MAX);
    if buffer.len() < LENGTH_BYTES + len {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    FromChild::parse(buffer.split_to(len).freeze()).map(Some).map_err(|garbled| garbled.to_string())
}

fn output_of(word: FromChild) -> Output {
    match word {
        FromChild::Opus { pts_us, data } => Output::Opus { pts_us, data },
        FromChild::Picture { layer, pts_us, keyframe, data } => Output::H264 { layer, pts_us, keyframe, data },
        FromChild::Ready | FromChild::Done(_) => Output::State(State::Running),
        FromChild::Unsupported(what) => Output::State(State::Unsupported(what)),
        FromChild::Layers(layers) => Output::State(State::Layers(layers)),
        FromChild::LayerDropped { layer, busy_percent } => Output::State(State::LayerDropped { layer, busy_percent }),
        FromChild::LayerRestored(layer) => Output::State(State::LayerRestored { layer }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_whole_and_limited() {
        let frame = FromChild::Done(3).frame();
        let mut buffer = BytesMut::new();
        for &byte in &frame[..frame.len() - 1] {
            buffer.extend_from_slice(&[byte]);
            assert_eq!(take_frame(&mut buffer), Ok(None));
        }
        buffer.extend_from_slice(&frame[frame.len() - 1..]);
        assert_eq!(take_frame(&mut buffer), Ok(Some(FromChild::Done(3))));
        assert!(buffer.is_empty());
        assert!(take_frame(&mut BytesMut::from(&[0xff; 4][..])).is_err(), "no child makes the server wait for 4 GB");
    }
}
