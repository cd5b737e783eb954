// Who joins with an identity that is there already takes its place; the first is told why.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [bob, first] = [await stage.joined('bob'), await stage.joined('ada')];
  await bob.event('ParticipantConnected', 'ada');
  const second = await stage.joined('ada');
  await first.event('Disconnected', 'DUPLICATE_IDENTITY');
  await second.camera();
  await bob.sees('ada');
  await reach('bob sees one ada', async () => {
    const there = await bob.drive(() => [...drive.room.remoteParticipants.keys()]);
    return [there.length === 1, there];
  });
}
