// Sizes that nobody watches are not encoded: all, then the smallest only, then none, then all again.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const ada = await stage.joined('ada', { dynacast: true });
  const bob = await stage.joined('bob', { singlePeerConnection: false });
  await ada.camera({ simulcast: true }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await bob.sees(ada);
  const active = async () => (await ada.sent('Camera')).filter((row) => row.active).map((row) => row.rid).sort().join('');
  const sends = (rids, ms) => reach(`ada sends ${rids || 'nothing'}`, async () => [(await active()) === rids, await active()], ms);
  await sends('fhq');
  await bob.drive(() => drive.remote('ada', 'Camera').setVideoQuality(LivekitClient.VideoQuality.LOW));
  await sends('q');
  await bob.sees(ada, { width: 320 });
  await bob.drive(() => drive.remote('ada', 'Camera').setVideoQuality(LivekitClient.VideoQuality.HIGH));
  await sends('fhq', 4000);
  await bob.drive(() => drive.remote('ada', 'Camera').setSubscribed(false));
  await sends('');
  await bob.drive(() => drive.remote('ada', 'Camera').setSubscribed(true));
  await sends('fhq', 4000);
  await bob.sees(ada);
}
