//! Fetches what a URL consists of, one file after the other, as far ahead as a short queue allows.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hooks::HttpUrl;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use reel::playlist::{Media, Part};
use reel::{Fault, Follower, Form, Playlist, Turn};
use tokio::sync::mpsc;

use super::fetch::{Client, FetchError, Span, text};

/// Pieces that wait to be understood; each is what was read of a socket at once, at most 64 KiB.
pub(super) const PIECES_MAX: usize = 4;
/// Tries of one file of a playlist; then the next is asked for.
const FILE_TRIES_MAX: u32 = 3;
/// Between two of them, times their number.
const FILE_PAUSE: Duration = Duration::from_millis(500);
/// Files in a row that cannot be had; then the playlist is given up.
const FILES_LOST_MAX: u32 = 3;

/// What was fetched.
pub(super) enum Piece {
    /// Bytes of a file follow, from one of them on.
    Begin {
        at: u64,
        /// Its times have nothing to do with those before it.
        anew: bool,
    },
    /// Some bytes.
    Data(Bytes),
    /// That was all.
    End,
}

/// See the module's description.
pub(super) struct Supply {
    pub(super) client: Client,
    pub(super) pieces: mpsc::Sender<Piece>,
    /// Parts of a file that are wanted.
    pub(super) seeks: mpsc::Receiver<u64>,
}

/// Nobody wants to have it any more; who asked knows why.
struct Unwanted;

impl Supply {
    /// Fetches all that a URL names. Ends after [`Piece::End`] when nobody asks for another part of it.
    pub(super) async fn run(mut self, url: &HttpUrl) -> Result<(), FetchError> {
        let (url, mut body) = self.client.fetch(url, None).await?;
        let mut first = Bytes::new();
        let form = loop {
            if let Some(form) = Form::of(&first)? {
                break form;
            }
            match body.frame().await {
                Some(frame) => {
                    let data = frame.map_err(FetchError::Http)?.into_data().unwrap_or_default();
                    first = if first.is_empty() { data } else { [first, data].concat().into() };
                }
                None => return Err(Fault::Empty.into()),
            }
        };
        if form == Form::Playlist {
            self.playlist(url, text(first, body).await?).await
        } else {
            self.film(&url, first, body).await
        }
    }

    /// One file, and the parts of it that are asked for.
    async fn film(&mut self, url: &HttpUrl, first: Bytes, mut body: Incoming) -> Result<(), FetchError> {
        let begun = self.say(Piece::Begin { at: 0, anew: false }).await.is_ok();
        if !begun || self.say(Piece::Data(first)).await.is_err() {
            return Ok(());
        }
        loop {
            let wanted = tokio::select! {
                biased;
                wanted = self.seeks.recv() => wanted,
                passed = pass(&self.pieces, &mut body) => match passed? {
                    Ok(()) if self.say(Piece::End).await.is_ok() => self.seeks.recv().await,
                    _ => None,
                },
            };
            let Some(at) = wanted else { return Ok(()) };
            (_, body) = self.client.fetch(url, Some((at, None))).await?;
            if self.say(Piece::Begin { at, anew: false }).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The files that a playlist names, one after the other, while it is added to.
    async fn playlist(&mut self, mut base: HttpUrl, text: String) -> Result<(), FetchError> {
        let mut asked = base.clone();
        let mut media = match Playlist::parse(&text)? {
            Playlist::Media(media) => media,
            Playlist::Master(master) => {
                asked = base.follow(master.best()?)?;
                let (found, media) = self.media(&asked).await?;
                base = found;
                media
            }
        };
        let (mut follower, mut read, mut lost) = (Follower::default(), Instant::now(), 0);
        follower.read(&media);
        loop {
            match follower.turn(&media) {
                Turn::Piece { head, part, anew } => {
                    let all = [head, Some(part)];
                    match self.piece(&base, all.iter().flatten(), anew).await {
                        Ok(Ok(())) => lost = 0,
                        Ok(Err(Unwanted)) => return Ok(()),
                        Err(error) if lost < FILES_LOST_MAX && (error.may_pass() || error.is_gone()) => lost += 1,
                        Err(error) => return Err(error),
                    }
                }
                Turn::Reload(pause) => {
                    tokio::time::sleep_until((read + pause).into()).await;
                    read = Instant::now();
                    (base, media) = self.media(&asked).await?;
                    follower.read(&media);
                }
                Turn::End => {
                    // Whether it is heard makes no difference.
                    let _ = self.say(Piece::End).await;
                    return Ok(());
                }
            }
        }
    }

    /// A playlist that names files.
    async fn media(&self, url: &HttpUrl) -> Result<(HttpUrl, Media), FetchError> {
        let mut tries = 0;
        let (base, text) = loop {
            tries += 1;
            match self.client.playlist(url).await {
                Err(error) if tries < FILE_TRIES_MAX && error.may_pass() => {
                    tokio::time::sleep(FILE_PAUSE * tries).await
                }
                result => break result?,
            }
        };
        match Playlist::parse(&text)? {
            Playlist::Media(media) => Ok((base, media)),
            Playlist::Master(_) => Err(Fault::Playlist("that names playlists of playlists").into()),
        }
    }

    /// The files of one piece: its head, where it has one, and itself.
    async fn piece<'a>(
        &self,
        base: &HttpUrl,
        parts: impl Iterator<Item = &'a Part>,
        mut anew: bool,
    ) -> Result<Result<(), Unwanted>, FetchError> {
        for part in parts {
            let (url, mut tries) = (base.follow(&part.uri)?, 0);
            let span: Option<Span> = part.range.as_ref().map(|range| (range.start, Some(range.end)));
            let mut body = loop {
                tries += 1;
                match self.client.fetch(&url, span).await {
                    Err(error) if tries < FILE_TRIES_MAX && error.may_pass() => {
                        tokio::time::sleep(FILE_PAUSE * tries).await
                    }
                    result => break result?.1,
                }
            };
            let at = span.map_or(0, |(from, _)| from);
            if self.say(Piece::Begin { at, anew: std::mem::take(&mut anew) }).await.is_err() {
                return Ok(Err(Unwanted));
            }
            if pass(&self.pieces, &mut body).await?.is_err() {
                return Ok(Err(Unwanted));
            }
        }
        Ok(Ok(()))
    }

    async fn say(&self, piece: Piece) -> Result<(), Unwanted> {
        self.pieces.send(piece).await.map_err(|_| Unwanted)
    }
}

/// Passes on a body, to its end.
async fn pass(pieces: &mpsc::Sender<Piece>, body: &mut Incoming) -> Result<Result<(), Unwanted>, FetchError> {
    while let Some(frame) = body.frame().await {
        // What comes behind a body is of no use.
        let data = frame.map_err(FetchError::Http)?.into_data().unwrap_or_default();
        if pieces.send(Piece::Data(data)).await.is_err() {
            return Ok(Err(Unwanted));
        }
    }
    Ok(Ok(()))
}
