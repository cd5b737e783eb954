//! The server's side: starts the child, feeds it, reads it, and starts another when it fails.

mod keeper;
mod patience;
mod pulse;
mod queue;
mod usage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

use crate::plan::Plan;
use crate::unit::{AccessUnit, Output};
use keeper::Keeper;
use queue::Queue;

pub use patience::Patience;
pub use queue::Accepted;
pub use usage::Cost;
use usage::Usage;

/// Outputs that wait for their reader: about two seconds of sound and three layers. When full, the child is no longer
/// read; it stops, and pictures are skipped at its entrance.
const OUTPUTS_MAX: usize = 256;
/// The subcommand of the server's program that is the child.
const SUBCOMMAND: &str = "transcode-child";

/// How the child is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// How long it may owe an answer.
    pub patience: Patience,
}

impl Launch {
    /// The running program itself with `transcode-child`; on Linux even after its file was replaced.
    pub fn this_program() -> Self {
        let own = Path::new("/proc/self/exe");
        let program = if own.exists() { own.to_owned() } else { std::env::current_exe().unwrap_or_default() };
        Self { program, arguments: vec![SUBCOMMAND.into()], patience: Patience::default() }
    }
}

/// A running transcoder. Dropping it ends the child.
#[derive(Debug)]
pub struct Transcoder {
    feed: Feed,
    outputs: mpsc::Receiver<Output>,
    usage: Arc<Usage>,
}

/// The entrance of a transcoder: cheap to clone, never waits.
#[derive(Clone, Debug)]
pub struct Feed {
    queue: Arc<Queue>,
    child: Arc<AtomicU32>,
}

impl Transcoder {
    /// Starts a transcoder within the current tokio runtime. A child that cannot be started is told as a
    /// [`crate::State`], too.
    ///
    /// # Errors
    /// In words, when the plan does not keep its rules.
    pub fn start(launch: Launch, plan: Plan) -> Result<Self, String> {
        plan.check()?;
        let queue = Arc::new(Queue::new(&plan));
        let child = Arc::new(AtomicU32::new(0));
        let (sender, outputs) = mpsc::channel(OUTPUTS_MAX);
        let usage = Arc::new(Usage::default());
        let shared = (Arc::clone(&child), Arc::clone(&usage));
        let keeper = Keeper::new(launch, plan, Arc::clone(&queue), sender, shared);
        tokio::spawn(keeper.run());
        Ok(Self { feed: Feed { queue, child }, outputs, usage })
    }

    /// Its entrance, for other tasks.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Gives it a piece of the stream: see [`Feed::send`].
    pub fn send(&self, unit: AccessUnit) -> Accepted {
        self.feed.send(unit)
    }

    /// What it cost until a second ago.
    pub fn cost(&self) -> Cost {
        self.usage.cost()
    }

    /// The next packet, picture or state; `None` after [`crate::State::GaveUp`]. Safe to cancel.
    pub async fn next(&mut self) -> Option<Output> {
        self.outputs.recv().await
    }
}

impl Drop for Transcoder {
    fn drop(&mut self) {
        self.feed.queue.close();
    }
}

impl Feed {
    /// Gives the transcoder a piece of the stream. When the child is behind by two seconds, or by 16 MiB, pictures are
    /// left out up to the next key frame, and of sound the oldest.
    pub fn send(&self, unit: AccessUnit) -> Accepted {
        self.queue.push(unit)
    }

    /// Asks for a key frame in a layer of the plan; answered with the next picture.
    pub fn keyframe(&self, layer: u8) {
        self.queue.keyframe(layer);
    }

    /// Tells whether anybody watches a layer, and its rate in bits per second. An unwatched layer is not encoded;
    /// one that is watched again begins with a key frame.
    pub fn layer(&self, layer: u8, watched: bool, bitrate: u32) {
        self.queue.layer(layer, watched, bitrate);
    }

    /// The child's process, while there is one.
    pub fn child(&self) -> Option<u32> {
        Some(self.child.load(Ordering::Relaxed)).filter(|&id| id != 0)
    }
}
