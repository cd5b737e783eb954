// A room that keeps sound and picture in step: browsers get both of a participant as one stream, and still tell them apart.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check } from '../lib/check.mjs';

export default async function (stage) {
  await new RoomServiceClient(stage.http, 'devkey', 'secret').createRoom({ name: 'river', emptyTimeout: 60, syncStreams: true });
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob', { singlePeerConnection: false })];
  for (const guest of [ada, bob]) {
    await guest.camera();
    await guest.microphone();
  }
  for (const [viewer, shown] of [[ada, bob], [bob, ada]]) {
    await Promise.all([viewer.sees(shown), viewer.hears(shown)]);
    const streams = await viewer.drive((name) => ['Camera', 'Microphone'].map((source) => drive.remote(name, source).track.mediaStream.id), shown.identity);
    check(streams[0] === streams[1], `${viewer.identity} gets two streams: ${streams}`);
  }
  await Promise.all([ada.leave(), bob.leave()]);
  await stage.empty();
}
