// Changing between sizes while the picture runs loses no more than a moment, and the decoder never asks twice for help.
// deadline: 150
import { check } from '../lib/check.mjs';

/** A change waits for a keyframe of the other size: up to a second, and the machine's own noise. Seconds. */
const FREEZE_SECONDS_MAX = 2;
const WIDTHS = { LOW: 320, HIGH: 1280 };

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera({ simulcast: true, videoCodec: 'vp8' }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await bob.sees(ada, { width: 1280, ms: 40_000 });
  const before = await bob.received(ada, 'Camera');
  for (const quality of ['LOW', 'HIGH', 'LOW', 'HIGH']) {
    await bob.drive((quality) => drive.remote('ada', 'Camera').setVideoQuality(LivekitClient.VideoQuality[quality]), quality);
    await bob.sees(ada, { width: WIDTHS[quality], frames: 20, ms: 30_000 });
  }
  const after = await bob.received(ada, 'Camera');
  const frozen = after.totalFreezesDuration - before.totalFreezesDuration;
  check(frozen <= FREEZE_SECONDS_MAX, `froze for ${frozen.toFixed(2)} s over four changes, limit ${FREEZE_SECONDS_MAX}`);
  return `froze ${frozen.toFixed(2)} s over four changes`;
}
