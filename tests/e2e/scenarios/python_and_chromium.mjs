// Colour bars and a tone from Python are right in the browser, and the other way round.
import { check, reach } from '../lib/check.mjs';

const BARS = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];
/** How far a channel of a bar may be off, of 255: two colour matrices and lossy coding. */
const TOLERANCE = 48;

export default async function (stage) {
  const ada = await stage.joined('ada');
  await ada.drive(() => drive.bars());
  await ada.drive(() => drive.tone(880));
  const bot = stage.python('bot.py', ['snake', 520, 'ada', 880]);
  await ada.sees('snake', { width: 640, ms: 40_000 });
  await reach('the bars from Python are right in the browser', async () => {
    const seen = await ada.drive(() => drive.colours('snake'));
    return [seen?.colours.every((bar, index) => bar.every((part, channel) => Math.abs(part - BARS[index][channel]) <= TOLERANCE)), seen];
  });
  await reach('the tone from Python is 520 Hz in the browser', async () => {
    const heard = await ada.drive(() => drive.hear('snake'));
    return [heard && Math.abs(heard.hertz - 520) <= 8 && heard.level > -60, heard];
  });
  await reach('Python sees the bars and hears the tone of the browser', async () => {
    const failed = bot.lines.find((line) => line.error);
    check(!failed, failed?.error ?? '');
    return [bot.lines.some((line) => line.saw && line.width === 640) && bot.lines.some((line) => line.heard), bot.lines];
  }, 60_000);
  bot.child.stdin.end();
  await reach('Python has left', async () => [bot.lines.some((line) => line.left), bot.lines]);
  await ada.event('ParticipantDisconnected', 'snake');
  await ada.leave();
  await stage.empty();
}
