// ForwardParticipant: one publisher is seen and heard in two rooms; what it changes shows in both, and both end together.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, until } from '../lib/check.mjs';

export default async function (stage) {
  const api = new RoomServiceClient(stage.http, 'devkey', 'secret');
  const ada = await stage.joined('ada', { dynacast: true });
  const bob = await stage.joined('bob', { room: 'lake' });
  const cid = await stage.joined('cid', { room: 'lake', singlePeerConnection: false });
  await ada.camera({ simulcast: true }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await api.forwardParticipant('river', 'ada', 'lake');
  await ada.microphone();
  await Promise.all([bob.event('ParticipantConnected', 'ada'), cid.event('ParticipantConnected', 'ada')]);
  await Promise.all([bob.sees(ada), cid.sees(ada), bob.hears(ada), cid.hears(ada)]);
  const twice = await api.forwardParticipant('river', 'ada', 'lake').catch((error) => error);
  check(twice.status === 409, `forwarded twice: ${twice}`);
  // Nobody watches in her own room, which after five seconds would stop her encoder: those in the other keep it going.
  await bob.sees(ada, { frames: 140 });
  await ada.drive(() => drive.room.localParticipant.setMicrophoneEnabled(false));
  await bob.event('TrackMuted', 'ada');
  await ada.leave();
  await Promise.all([bob.event('ParticipantDisconnected', 'ada'), cid.event('ParticipantDisconnected', 'ada')]);
  await until('the river has ended', async () => (await api.listRooms()).every((each) => each.name === 'lake'));
  await Promise.all([bob.leave(), cid.leave()]);
  await stage.empty();
}
