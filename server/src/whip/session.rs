//! One session: a caller in its room, from the answer to its offer until it ends.

use std::sync::Arc;
use std::time::Duration;

use livekit::{Caller, CallerNews, JoinError, OfferError, Pass};
use livekit_protocol as proto;
use spans::{Kind, Open};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use whip::{Change, Fragment, Refusal, judge, restart};

use super::answer::{self, Answer};
use super::house::{House, Order, Place};

/// How long media may take to come up. Checks begin at once; a slow network needs a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two looks at whether a session lives.
const PULSE: Duration = Duration::from_secs(1);

/// What makes one session different from another.
pub(super) trait Part: Send + 'static {
    /// Below which path it is found.
    const PATH: &'static str;
    /// What traces call it.
    const SPAN: &'static str;

    /// The caller is about to offer.
    fn enter(&mut self, caller: &Caller) -> impl Future<Output = ()> + Send;
    /// Something happened in the room.
    fn hear(&mut self, news: &CallerNews, caller: &Caller) -> impl Future<Output = ()> + Send;
    /// A second has passed; `heard` tells whether anything came from the client.
    fn pulse(&mut self, heard: bool);
    /// It must end for a reason of its own. Safe to be cancelled.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;
}

/// Begins a session: lets the caller in, has the room answer its offer, and leaves the rest to a task.
///
/// # Errors
/// When the room, or the node, says no.
pub(super) async fn begin<P: Part>(
    house: &Arc<House>,
    pass: Pass,
    sdp: String,
    mut part: P,
) -> Result<Answer, Refusal> {
    let mut span = Open::begin(P::SPAN, Kind::Server, pass.request());
    span.note("thalweg.room", pass.room());
    span.note("thalweg.participant", pass.identity());
    let entered = enter(house, pass, &sdp, &mut part).await;
    let (place, orders, caller, answer) = entered.inspect_err(|refusal| span.fail(&refusal.to_string()))?;
    let location = format!("{}/{}", P::PATH, place.name());
    let links = answer::links(caller.ice_servers());
    let session = Session { caller, part, ufrag: ufrag(&sdp), offer: sdp, version: 1, span, _place: place };
    let etag = session.etag();
    tokio::spawn(session.run(orders));
    Ok(Answer::Created { location, etag, sdp: answer, links })
}

/// Brings a caller into its room, with the room's answer to its offer.
async fn enter<P: Part>(
    house: &Arc<House>,
    pass: Pass,
    sdp: &str,
    part: &mut P,
) -> Result<(Place, mpsc::Receiver<Order>, Caller, String), Refusal> {
    let (place, orders) = house.place()?;
    let mut caller = house.lobby().call(pass).await.map_err(|error| refuse(&error))?;
    part.enter(&caller).await;
    match caller.offer(sdp.to_owned()).await {
        Ok(answer) => Ok((place, orders, caller, answer)),
        Err(OfferError::Left(_)) => Err(Refusal::Unfit("the room cannot follow it".into())),
        Err(error) => {
            caller.leave().await;
            Err(Refusal::Room(503, error.to_string()))
        }
    }
}

/// The room's refusal of a join.
pub(super) fn refuse(error: &JoinError) -> Refusal {
    Refusal::Room(error.status().as_u16(), error.to_string())
}

struct Session<P> {
    caller: Caller,
    part: P,
    /// As it was last offered.
    offer: String,
    /// The client's user fragment in it.
    ufrag: String,
    /// Rises with every restart of ICE.
    version: u32,
    /// Ends with it.
    span: Open,
    _place: Place,
}

impl<P: Part> Session<P> {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let (mut up, mut heard) = (false, true);
        let due = Instant::now() + CONNECT_TIMEOUT;
        let mut pulse = tokio::time::interval(PULSE);
        let ended = loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Change(fragment, if_match, reply)) => {
                        // Whoever asked may have gone.
                        let _ = reply.send(self.change(fragment, if_match.as_deref()).await);
                    }
                    Some(Order::End(reply)) => break Some(reply),
                    None => break None,
                },
                news = self.caller.next() => {
                    if let CallerNews::Left(reason) = news {
                        tracing::debug!(sid = self.caller.sid(), ?reason, "a WHIP or WHEP session is over");
                        return;
                    }
                    up |= is_up(&news, self.caller.sid());
                    if let CallerNews::Heard(now) = news {
                        heard = now;
                    }
                    self.part.hear(&news, &self.caller).await;
                }
                _ = pulse.tick() => self.part.pulse(up && heard),
                () = self.part.ended() => break None,
                () = sleep_until(due), if !up => {
                    self.span.fail("its media never came up");
                    break None;
                }
            }
        };
        self.caller.leave().await;
        if let Some(reply) = ended {
            // Whoever asked may have gone.
            let _ = reply.send(());
        }
    }

    async fn change(&mut self, fragment: Fragment, if_match: Option<&str>) -> Result<Answer, Refusal> {
        let Change::Restart { ufrag, pwd } = judge(fragment, &self.ufrag, &self.etag(), if_match)? else {
            return Ok(Answer::Taken);
        };
        let offer = restart(&self.offer, &ufrag, &pwd);
        let answer = self.caller.offer(offer.clone()).await.map_err(|_| Refusal::Gone)?;
        (self.offer, self.ufrag) = (offer, ufrag);
        self.version += 1;
        Ok(Answer::Restarted { etag: self.etag(), fragment: Fragment::of_answer(&answer) })
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// The client's user fragment in its offer.
fn ufrag(offer: &str) -> String {
    offer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap_or_default().trim().to_owned()
}

/// Whether news tell that the caller's media is up.
fn is_up(news: &CallerNews, sid: &str) -> bool {
    let CallerNews::People(people) = news else { return false };
    people.iter().any(|it| it.sid == sid && it.state() == proto::participant_info::State::Active)
}
