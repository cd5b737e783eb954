// Who was removed does not come back with the token it has, by itself or by hand; with a new one it does.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, until } from '../lib/check.mjs';

export default async function (stage) {
  const api = new RoomServiceClient(stage.http, 'devkey', 'secret');
  const token = await stage.token('ada');
  const [ada, bob] = [await stage.joined('ada', { token }), await stage.joined('bob')];
  await ada.camera();
  await bob.sees(ada);
  await api.removeParticipant('river', 'ada');
  await ada.event('Disconnected', 'PARTICIPANT_REMOVED');
  await bob.event('ParticipantDisconnected', 'ada');
  check((await ada.state()) === 'disconnected', `ada is ${await ada.state()}`);
  for (const singlePeerConnection of [true, false]) {
    const refusal = await ada.join({ token, singlePeerConnection }).then(() => '', (error) => error.message);
    check(refusal.includes('revoked'), `the old token: "${refusal}"`);
  }
  check((await api.listParticipants('river')).map((each) => each.identity).join() === 'bob', 'ada is back');
  // A token of the second of the removal is taken for an old one.
  await until('a new token opens the door', async () => {
    await ada.join();
    return true;
  });
  await ada.camera();
  await bob.sees(ada);
  await Promise.all([ada.leave(), bob.leave()]);
  await stage.empty();
}
