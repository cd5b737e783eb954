//! One encoder's connection: asks for the key, then carries streams until the end.

use std::time::Instant;

use livekit::ingress::{KeyRefusal, Push};
use livekit_protocol::IngressInput;
use rtmp::{Event, PublishRequest, Refusal};
use spans::{Kind, Open};

use super::channel::{Channel, End, Pipe};
use super::live::Live;
use super::source::drive;
use super::{Pass, count, is_gone};

/// Serves a connection until it ends.
pub(super) async fn serve(pass: Pass, stream: Box<dyn Pipe>) {
    let mut channel = Channel::new(stream);
    let end = match run(&pass, &mut channel).await {
        Ok(()) => return,
        Err(end) => end,
    };
    match &end {
        End::Peer(fault) => {
            count(&pass.door.counters.faults);
            tracing::info!(remote = %pass.ip, %fault, "an encoder is cut off");
        }
        End::Pulled(fault) => tracing::info!(remote = %pass.ip, %fault, "an encoder is cut off"),
        End::Refused(refusal) => tracing::info!(remote = %pass.ip, %refusal, "an encoder is turned away"),
        End::Io(error) if is_gone(error) => tracing::debug!(remote = %pass.ip, "an encoder is gone"),
        End::Io(error) => tracing::debug!(remote = %pass.ip, %error, "an encoder's connection failed"),
    }
    channel.close(&end).await;
}

/// One stream after the other, until the connection ends.
async fn run(pass: &Pass, channel: &mut Channel) -> Result<(), End> {
    loop {
        let Event::Publish(request) = channel.next().await? else { continue };
        let push = open(pass, &request).await?;
        tracing::info!(ingress = push.info().ingress_id, remote = %pass.ip, client = request.client, "an encoder publishes");
        channel.session.accept(Instant::now());
        carry(pass, channel, push).await?;
    }
}

/// The ingress of a key. A wrong key is answered late, and ever later.
async fn open(pass: &Pass, request: &PublishRequest) -> Result<Push, End> {
    let refusal = match pass.door.lobby.ingresses().begin(request.key(), IngressInput::RtmpInput, Instant::now()) {
        Ok(push) => return Ok(push),
        Err(refusal) => refusal,
    };
    count(&pass.door.counters.keys_refused);
    Err(End::Refused(match refusal {
        KeyRefusal::Unknown => {
            let delay = pass.door.guard().struck(pass.ip, Instant::now());
            tokio::time::sleep(delay).await;
            Refusal::WrongKey
        }
        KeyRefusal::InUse => Refusal::InUse,
        KeyRefusal::Disabled => Refusal::Revoked,
        KeyRefusal::OtherInput => Refusal::Unfit("its stream key is for WHIP"),
        KeyRefusal::NoRoom => Refusal::Unfit("its ingress names no room"),
    }))
}

/// A span over an ingress's stream.
pub(super) fn traced(push: &Push, kind: Kind) -> Open {
    let info = push.info();
    let mut span = Open::begin("ingress", kind, None);
    span.note("thalweg.ingress", info.ingress_id.as_str());
    span.note("thalweg.room", info.room_name.as_str());
    span.note("thalweg.participant", info.participant_identity.as_str());
    span
}

/// Carries one stream into its room until it ends.
async fn carry(pass: &Pass, channel: &mut Channel, push: Push) -> Result<(), End> {
    let mut span = traced(&push, Kind::Server);
    let mut live = Live::new(&pass.door, push);
    let end = drive(channel, &mut live).await;
    if let Err(fault) = &end {
        span.fail(&fault.to_string());
    }
    drop(span);
    live.report_cost().await;
    // Who is cut off by the network or by a fault may come back: to others it is lost, it did not leave.
    if matches!(end, Ok(()) | Err(End::Refused(_))) {
        live.leave().await;
    }
    end
}
