//! Where a stream comes from, and how it is carried into its room.

use std::io;
use std::time::Instant;

use rtmp::Event;

use super::channel::End;
use super::live::Live;

/// Brings the events of one stream.
pub(super) trait Source {
    /// The next event in what was read; `None` when more must be read.
    fn event(&mut self, now: Instant) -> Result<Option<Event>, End>;

    /// Sends what is to be said to the other side.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Reads more, once all that was read is understood. Safe to be cancelled.
    fn read(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// When [`Source::expired`] has something to say, unless something comes before.
    fn deadline(&self) -> Instant;

    /// What should have come by `now` and did not.
    fn expired(&self, now: Instant) -> Option<End>;

    /// Whether another file of it began since this was asked last: what is late by then is not hurried.
    fn turned(&mut self) -> bool {
        false
    }
}

/// Carries a stream into its room until it ends.
pub(super) async fn drive(source: &mut impl Source, live: &mut Live<'_>) -> Result<(), End> {
    loop {
        let now = Instant::now();
        while !live.is_full(now) {
            match source.event(now)? {
                Some(Event::Ended) => return Ok(()),
                Some(event) => {
                    if source.turned() {
                        live.turn();
                    }
                    live.take(event, now).await.map_err(End::Refused)?;
                }
                None => break,
            }
        }
        source.flush().await?;
        live.advance(Instant::now());
        live.report(now).await;
        let full = live.is_full(now);
        let due = live.deadline(now);
        let patience = source.deadline();
        tokio::select! {
            read = source.read(), if !full => read?,
            news = live.next(now) => live.hear(news).map_err(End::Refused)?,
            () = sleep_until(due) => {}
            () = sleep_until(patience), if !full => {
                if let Some(end) = source.expired(Instant::now()) {
                    return Err(end);
                }
            }
        }
    }
}

/// Lets what waits leave, and the room speak, until a moment at which the stream is to go on or to end.
pub(super) async fn linger(live: &mut Live<'_>, until: Instant) -> Result<(), End> {
    while Instant::now() < until {
        let now = Instant::now();
        live.advance(now);
        live.report(now).await;
        let due = live.deadline(now).min(until);
        tokio::select! {
            news = live.next(now) => live.hear(news).map_err(End::Refused)?,
            () = sleep_until(due) => {}
        }
    }
    Ok(())
}

async fn sleep_until(deadline: Instant) {
    tokio::time::sleep_until(deadline.into()).await;
}
