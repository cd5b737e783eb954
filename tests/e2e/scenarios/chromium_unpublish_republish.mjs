// A camera that is unpublished and published again, ten times, arrives each time.
// deadline: 180
import { reach } from '../lib/check.mjs';

const TIMES = 10;

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.microphone();
  for (let time = 1; time <= TIMES; time++) {
    await ada.drive(() => drive.bars());
    await bob.sees(ada, { width: 640, frames: 8 }).catch((error) => {
      throw new Error(`time ${time}: ${error.message}`);
    });
    await ada.drive(async () => {
      const me = drive.room.localParticipant;
      for (const { track } of [...me.videoTrackPublications.values()]) await me.unpublishTrack(track);
    });
    await reach(`time ${time}: bob loses the picture`, async () => [await bob.drive(() => !drive.remote('ada', 'Camera')), (await bob.events()).slice(-4)]);
  }
  await bob.hears(ada);
  await Promise.all([ada.leave(), bob.leave()]);
  await stage.empty();
}
