// One camera in three sizes: who asks for LOW gets the small one, who asks for HIGH the large one, each for himself.
// deadline: 150
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob, cid] = [await stage.joined('ada'), await stage.joined('bob'), await stage.joined('cid', { singlePeerConnection: false })];
  await ada.camera({ simulcast: true, videoCodec: 'vp8' }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await reach('ada sends three sizes', async () => {
    const rows = (await ada.sent('Camera')).filter((row) => row.framesEncoded > 10);
    return [rows.length === 3, rows];
  }, 40_000);
  const ask = (who, quality) => who.drive((quality) => drive.remote('ada', 'Camera').setVideoQuality(LivekitClient.VideoQuality[quality]), quality);
  for (const who of [bob, cid]) await who.sees(ada, { frames: 5, ms: 30_000 });
  for (const [mine, yours] of [['LOW', 'HIGH'], ['HIGH', 'LOW'], ['MEDIUM', 'HIGH']]) {
    await ask(bob, mine);
    await ask(cid, yours);
    await Promise.all([bob, cid].map((who, index) => who.sees(ada, { width: WIDTHS[index ? yours : mine], frames: 30, ms: 40_000 })));
  }
  const freezes = await bob.received(ada, 'Camera');
  check(freezes.totalFreezesDuration < 5, `bob froze for ${freezes.totalFreezesDuration} s over three changes`);
}

const WIDTHS = { LOW: 320, MEDIUM: 640, HIGH: 1280 };
