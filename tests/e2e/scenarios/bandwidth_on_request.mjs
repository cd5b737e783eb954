// A client that asks to be treated as if behind a narrow link (`simulate`) gets the small picture until it takes that back.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera({ simulcast: true, videoCodec: 'vp8' }, { resolution: { width: 960, height: 540, frameRate: 15 } });
  await reach('ada sends two sizes', async () => {
    const rows = (await ada.sent('Camera')).filter((row) => row.framesEncoded > 5);
    return [rows.length >= 2, rows];
  });
  const narrow = (bps) => bob.drive((bps) => drive.room.simulateScenario('subscriber-bandwidth', bps), bps);
  const { frameWidth } = await bob.sees(ada, { width: 960, frames: 10 });
  await narrow(100_000);
  const small = await reach('the picture is smaller', async () => {
    const seen = await bob.received(ada, 'Camera');
    return [seen.frameWidth < frameWidth, seen.frameWidth];
  });
  await bob.sees(ada, { frames: 10 });
  await narrow(0);
  await bob.sees(ada, { width: 960, frames: 10 });
  return `${frameWidth}, ${small}, ${frameWidth} wide`;
}
