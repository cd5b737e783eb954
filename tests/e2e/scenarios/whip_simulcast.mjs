// A page publishes three sizes by WHIP, without any SDK; a viewer with one switches between them.
import { IngressClient, IngressInput } from 'livekit-server-sdk';
import { check } from '../lib/check.mjs';

const WIDTHS = { LOW: 320, HIGH: 1280, MEDIUM: 640 };

export default async function (stage) {
  const ingresses = new IngressClient(stage.http, 'devkey', 'secret');
  const { url, streamKey } = await ingresses.createIngress(IngressInput.WHIP_INPUT, { name: 'cam', roomName: 'river', participantIdentity: 'cam' });
  const ada = await stage.joined('ada');
  const camera = await stage.plain('cam');
  const published = await camera.evaluate(([url, key]) => plain.publish(url, key, { simulcast: true, width: 1280, height: 720 }), [url, streamKey]);
  check(published.status === 201, `WHIP answered ${published.status} ${published.text}`);
  await ada.sees('cam', { frames: 5, ms: 40_000 });
  for (const [quality, width] of Object.entries(WIDTHS)) {
    await ada.drive((quality) => drive.remote('cam', 'Camera').setVideoQuality(LivekitClient.VideoQuality[quality]), quality);
    await ada.sees('cam', { width, frames: 10, ms: 40_000 });
  }
  check((await camera.evaluate(() => plain.end())) === 200, 'the end of WHIP was not answered 200');
  await ada.event('ParticipantDisconnected', 'cam');
  await ada.leave();
  await stage.empty();
}
