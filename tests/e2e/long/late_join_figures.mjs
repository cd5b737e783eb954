// How soon a viewer who comes late sees a livestream: a browser's camera, and an encoder with a key frame every 2 and every 10 s.
// Nobody is asked for a key frame that is there. JOINS is how many come (20), one after another, in each mode of peer connections.
// deadline: 900
import { check, reach } from '../lib/check.mjs';

const JOINS = Number(process.env.JOINS ?? 20);
/** In a browser with nothing else to do; on a loaded machine it takes what it takes. */
const LATE_MS_MAX = 6000;

export default async function (stage) {
  const notes = [await browser(stage)];
  for (const seconds of [2, 10]) notes.push(await encoder(stage, seconds));
  return notes.join('; ');
}

async function browser(stage) {
  const ada = await stage.joined('ada', { room: 'camera' });
  await ada.camera({}, { resolution: { width: 1280, height: 720, frameRate: 30 } });
  await ada.microphone();
  const first = await stage.joined('first', { room: 'camera', grant: { canPublish: false } });
  await first.sees(ada, { frames: 60 });
  const asked = async () => (await ada.sent('Camera')).reduce((sum, { pliCount }) => sum + pliCount, 0);
  const before = await asked();
  const note = await both(stage, 'camera', 'ada', 'camera');
  const requests = (await asked()) - before;
  await Promise.all([ada.page.close(), first.page.close()]);
  return `${note}, ${requests} key frame requests`;
}

async function encoder(stage, seconds) {
  const room = `every-${seconds}`;
  const first = await stage.joined('first', { room, grant: { canPublish: false } });
  const obs = stage.python('push.py', ['obs', room, 440, 'high', seconds, 720, 30]);
  await first.sees('obs', { width: 1280, frames: 60, ms: 40_000 });
  const note = await both(stage, room, 'obs', `key frames every ${seconds} s`);
  obs.child.stdin.end();
  await reach('the encoder has ended', async () => [obs.lines.some((line) => line.left), obs.lines]);
  await first.page.close();
  return note;
}

async function both(stage, room, source, name) {
  const notes = [];
  for (const [mode, singlePeerConnection] of [['single', true], ['dual', false]]) {
    const [joined, seen] = [[], []];
    for (let turn = 0; turn < JOINS; turn++) {
      const late = await stage.guest(`late-${mode}-${turn}`);
      await late.join({ room, grant: { canPublish: false }, singlePeerConnection });
      await late.event('FirstFrame', `${source} camera`);
      const moments = Object.fromEntries((await late.events()).map(([moment, event]) => [event, moment]));
      joined.push(moments.Joined - moments.Joining);
      seen.push(moments.FirstFrame - moments.Joining);
      await late.page.close();
    }
    check(Math.max(...seen) <= LATE_MS_MAX, `${name}, ${mode}: the first frame took ${Math.max(...seen)} ms, limit ${LATE_MS_MAX}`);
    notes.push(`${mode} joined ${part(joined, 0.5)} ms, painted ${part(seen, 0.5)} (90 % ${part(seen, 0.9)}, worst ${Math.max(...seen)})`);
  }
  console.log(`${name}: ${notes.join(', ')}`);
  return `${name}: ${notes.join(', ')}`;
}

function part(numbers, share) {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
}
