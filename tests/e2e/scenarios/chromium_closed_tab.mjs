// A tab that is closed without a word: the others learn it and the server forgets it.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await bob.sees(ada);
  await ada.page.close();
  await bob.event('ParticipantDisconnected', 'ada', 60_000);
  await reach('bob is alone', async () => [(await bob.drive(() => drive.room.remoteParticipants.size)) === 0]);
  await bob.leave();
  await stage.empty();
}
