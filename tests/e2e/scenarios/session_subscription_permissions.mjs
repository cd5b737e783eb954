// A publisher lets one participant receive its camera and nobody its microphone, then everybody: signal and media follow.
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob, cid] = [await stage.joined('ada'), await stage.joined('bob'), await stage.joined('cid', { singlePeerConnection: false })];
  const camera = await ada.camera();
  await ada.microphone();
  await Promise.all([bob, cid].map((each) => each.sees(ada)));
  await ada.drive((camera) => drive.room.localParticipant.setTrackSubscriptionPermissions(false, [{ participantIdentity: 'bob', allowedTrackSids: [camera] }]), camera);
  const status = (guest, source) => guest.drive((source) => drive.remote('ada', source)?.permissionStatus, source);
  for (const [guest, source, wanted] of [[bob, 'Camera', 'allowed'], [bob, 'Microphone', 'not_allowed'], [cid, 'Camera', 'not_allowed'], [cid, 'Microphone', 'not_allowed']]) {
    await reach(`${guest.identity}'s ${source} is ${wanted}`, async () => [(await status(guest, source)) === wanted, await status(guest, source)]);
  }
  await cid.event('TrackUnsubscribed', 'ada camera');
  await cid.event('TrackUnsubscribed', 'ada microphone');
  await bob.event('TrackUnsubscribed', 'ada microphone');
  await bob.sees(ada);
  const late = await stage.joined('late');
  await reach('a late one is told, too', async () => [(await status(late, 'Camera')) === 'not_allowed', await status(late, 'Camera')]);
  check((await late.received(ada, 'Camera')) === undefined, 'a late one gets what it may not');
  await ada.drive(() => drive.room.localParticipant.setTrackSubscriptionPermissions(true));
  for (const guest of [cid, late]) await guest.sees(ada);
  await bob.hears(ada);
}
