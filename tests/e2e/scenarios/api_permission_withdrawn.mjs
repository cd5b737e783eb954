// A publisher whose right is withdrawn is cut, whether its client obeys or not; with the right back it can publish anew.
import { RoomServiceClient, TrackSource } from 'livekit-server-sdk';
import { check, reach, until } from '../lib/check.mjs';

/** Looks in a row, 100 ms apart, without a new packet that count as silence. */
const LOOKS = 10;
const ALL = { canPublish: true, canSubscribe: true, canPublishData: true };

export default async function (stage) {
  const api = new RoomServiceClient(stage.http, 'devkey', 'secret');
  const permit = (permission) => api.updateParticipant('river', 'ada', { permission: { ...ALL, ...permission } });
  for (const singlePeerConnection of [true, false]) {
    const [ada, bob] = [await stage.joined('ada', { singlePeerConnection }), await stage.joined('bob', { singlePeerConnection })];
    await ada.camera();
    await ada.microphone();
    await bob.sees(ada);
    await bob.hears(ada);

    // A client that goes on sending: its own reaction is taken out.
    await ada.drive(() => (drive.room.localParticipant.unpublishTrack = async () => undefined));
    const track = await bob.drive(() => drive.remote('ada', 'Camera').track.mediaStreamTrack.id);
    await permit({ canPublishSources: [TrackSource.MICROPHONE] });
    await until('bob has no picture', () => bob.drive(() => !drive.remote('ada', 'Camera')));
    await silent(bob, track);
    const before = (await ada.sent('Camera'))[0].framesEncoded;
    await reach('ada goes on sending', async () => [(await ada.sent('Camera'))[0].framesEncoded > before + 10, await ada.sent('Camera')]);
    await silent(bob, track);
    await bob.hears(ada);
    await ada.leave();

    // The unmodified client lets go by itself, may not publish, and may again.
    await ada.join({ singlePeerConnection });
    await ada.camera();
    await bob.sees(ada);
    await permit({ canPublish: false });
    await until('ada lets go of her camera', () => ada.drive(() => !drive.room.localParticipant.getTrackPublication('camera')));
    check(!(await ada.drive(() => drive.room.localParticipant.permissions.canPublish)), 'ada believes that she may publish');
    const refused = await ada.drive(() => drive.camera().then(() => '', (error) => error.message));
    check(refused !== '', 'ada could publish without the right');
    await permit({});
    await until('ada knows that she may again', () => ada.drive(() => drive.room.localParticipant.permissions.canPublish));
    await ada.camera();
    await bob.sees(ada);
    await Promise.all([ada.leave(), bob.leave()]);
  }
  await stage.empty();
}

/** Waits until the receiver of a track that is gone gets no packet for a second. */
async function silent(bob, track) {
  const packets = () => bob.drive(async (id) => {
    const engine = drive.room.engine.pcManager;
    const peer = (engine.subscriber ?? engine.publisher).getPc?.() ?? (engine.subscriber ?? engine.publisher)._pc;
    const rows = [...(await peer.getStats()).values()].filter((each) => each.type === 'inbound-rtp' && each.kind === 'video');
    return rows.reduce((sum, each) => sum + each.packetsReceived, 0);
  }, track);
  let [last, still] = [-1, 0];
  await reach('no packet of the withdrawn picture comes', async () => {
    const now = await packets();
    still = now === last ? still + 1 : 0;
    last = now;
    return [still >= LOOKS, now];
  });
}
