// One camera in three sizes and two viewers: the one behind 300 kbit/s gets what fits and keeps it moving, the
// other the large one, untouched; when the slow link grows, so does its picture.
// deadline: 120
import { check, reach } from '../lib/check.mjs';
import { detour } from '../lib/lossy.mjs';
import { slow } from '../lib/slow.mjs';

export default async function (stage) {
  const [ada, bob, cid] = [await stage.joined('ada'), await stage.guest('bob'), await stage.joined('cid')];
  await ada.camera({ simulcast: true, videoCodec: 'vp8' }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await reach('ada sends three sizes', async () => {
    const rows = (await ada.sent('Camera')).filter((row) => row.framesEncoded > 10);
    return [rows.length === 3, rows];
  }, 40_000);
  const link = await slow(stage, { kbps: 300 });
  await detour(bob, link);
  await bob.join();
  await Promise.all([bob.sees(ada, { frames: 30, ms: 15_000 }), cid.sees(ada, { width: 1280, frames: 30, ms: 20_000 })]);
  const before = [await bob.received(ada, 'Camera'), await cid.received(ada, 'Camera')];
  const began = performance.now();
  await bob.sees(ada, { frames: 100, ms: 25_000 });
  const seconds = (performance.now() - began) / 1000;
  const after = [await bob.received(ada, 'Camera'), await cid.received(ada, 'Camera')];
  check(after[0].frameWidth < 1280, `bob got the large picture over 300 kbit/s`);
  const froze = after.map((row, index) => row.totalFreezesDuration - before[index].totalFreezesDuration);
  check(froze[0] < 0.05 * seconds + 0.5, `bob froze for ${froze[0]} of ${seconds} s, ${link.dropped()} dropped`);
  check(froze[1] < 0.5, `cid froze for ${froze[1]} of ${seconds} s`);
  link.carry(5000);
  await bob.sees(ada, { width: 1280, frames: 20, ms: 15_000 });
  console.log(`bob froze ${froze[0].toFixed(2)} s of ${seconds.toFixed(1)} at 300 kbit/s, ${link.dropped()} datagrams dropped`);
}
