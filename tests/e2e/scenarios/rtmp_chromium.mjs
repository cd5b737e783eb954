// A browser sees and hears an encoder: H.264 in high profile without B-frames goes through as it is.
import { reach } from '../lib/check.mjs';

const BARS = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];
/** How far a channel of a bar may be off, of 255: two colour matrices and lossy coding. */
const TOLERANCE = 48;

export default async function (stage) {
  const ada = await stage.joined('ada');
  const obs = stage.python('push.py', ['obs', 'river', 660, 'high']);
  await ada.sees('obs', { width: 640, ms: 40_000 });
  await reach('the bars of the encoder are right in the browser', async () => {
    const seen = await ada.drive(() => drive.colours('obs'));
    return [seen?.colours.every((bar, index) => bar.every((part, channel) => Math.abs(part - BARS[index][channel]) <= TOLERANCE)), seen];
  });
  await reach('the tone of the encoder is 660 Hz in the browser', async () => {
    const heard = await ada.drive(() => drive.hear('obs'));
    return [heard && Math.abs(heard.hertz - 660) <= 8 && heard.level > -60, heard];
  });
  obs.child.stdin.end();
  await ada.event('ParticipantDisconnected', 'obs');
  await reach('the encoder has ended', async () => [obs.lines.some((line) => line.left), obs.lines]);
  await ada.leave();
  await stage.empty();
}
