// VP9 with VP8 for those who cannot take it: both at once, or VP8 for all when the publisher would rather send one.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const ada = await stage.joined('ada');
  const bob = await stage.joined('bob');
  const old = await without(stage, 'old', 'VP9', { singlePeerConnection: true });
  const eld = await without(stage, 'eld', 'VP9', { singlePeerConnection: false });
  const camera = (policy) => ada.camera({ videoCodec: 'vp9', backupCodec: { codec: 'vp8' }, backupCodecPolicy: policy });
  const [SIMULCAST, REGRESSION] = [1, 2];
  await camera(SIMULCAST);
  await Promise.all([shows(bob, 'VP9'), shows(old, 'VP8'), shows(eld, 'VP8')]);
  await shows(bob, 'VP9');
  await ada.drive(() => drive.room.localParticipant.unpublishTrack(drive.room.localParticipant.getTrackPublication('camera').track));
  await Promise.all([bob, old, eld].map((guest) => guest.event('TrackUnsubscribed', 'ada')));
  await Promise.all([old.leave(), eld.leave()]);
  await camera(REGRESSION);
  await shows(bob, 'VP9');
  const next = await without(stage, 'next', 'VP9', {});
  await Promise.all([shows(next, 'VP8'), shows(bob, 'VP8')]);
  await reach('ada sends VP9 no longer', async () => {
    const rows = await ada.sent('Camera');
    return [rows.every((row) => !row.active), rows];
  });
  await shows(bob, 'VP8');
  await Promise.all([ada.leave(), bob.leave(), next.leave()]);
  await stage.empty();
}

/** A page that can neither send nor take a codec. */
async function without(stage, identity, codec, options) {
  const guest = await stage.guest(identity);
  await guest.drive((codec) => {
    const codecs = RTCRtpReceiver.getCapabilities('video').codecs.filter((each) => !each.mimeType.includes(codec));
    const refuse = (transceiver) => transceiver.receiver.track.kind === 'video' && transceiver.setCodecPreferences(codecs);
    const { addTransceiver, createAnswer } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.addTransceiver = function (...given) {
      const transceiver = addTransceiver.apply(this, given);
      refuse(transceiver);
      return transceiver;
    };
    RTCPeerConnection.prototype.createAnswer = function (...given) {
      this.getTransceivers().forEach(refuse);
      return createAnswer.apply(this, given);
    };
  }, codec);
  await guest.join(options);
  return guest;
}

/** Waits until twenty more frames came in this codec. */
async function shows(guest, codec) {
  let first;
  await reach(`${guest.identity} decodes ada's camera in ${codec}`, async () => {
    const seen = await guest.received('ada', 'Camera');
    if (!seen?.codec.includes(codec)) first = undefined;
    else first ??= seen.framesDecoded;
    return [first !== undefined && seen.framesDecoded >= first + 20, seen];
  });
}
