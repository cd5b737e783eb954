// Without auto-subscribe nothing comes; a subscription brings it, an end of it stops it, and again.
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const ada = await stage.joined('ada');
  await ada.camera();
  const bob = await stage.joined('bob', { connect: { autoSubscribe: false } });
  await bob.drive(() => (drive.events.length = 0));
  await reach('bob learns of the publication', async () => [await bob.drive(() => Boolean(drive.remote('ada', 'Camera')))]);
  for (let time = 1; time <= 3; time++) {
    check(!(await bob.drive(() => drive.remote('ada', 'Camera').isSubscribed)), `time ${time}: subscribed before it was asked for`);
    await bob.drive(() => drive.remote('ada', 'Camera').setSubscribed(true));
    await bob.sees(ada, { width: 640, frames: 8 });
    await bob.drive(() => drive.remote('ada', 'Camera').setSubscribed(false));
    await reach(`time ${time}: the picture ends`, async () => [await bob.drive(() => !drive.remote('ada', 'Camera').track)]);
  }
}
