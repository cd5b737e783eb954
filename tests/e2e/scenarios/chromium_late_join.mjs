// Someone who comes late sees a running camera soon, without a word from the publisher, in both modes of peer connections.
import { check } from '../lib/check.mjs';

/** From the call of `connect` to the first painted frame, in milliseconds, on a loaded machine. */
const LATE_MS_MAX = 6000;
/** Late joins in each mode; the middle one is told. */
const JOINS = 5;

export default async function (stage) {
  const ada = await stage.joined('ada');
  await ada.camera();
  await ada.microphone();
  const first = await stage.joined('bob');
  await first.sees(ada, { frames: 30 });
  const asked = async () => (await ada.sent('Camera')).reduce((sum, { pliCount }) => sum + pliCount, 0);
  const [before, notes] = [await asked(), []];
  for (const [mode, singlePeerConnection] of [['single', true], ['dual', false]]) {
    const [connected, seen] = [[], []];
    for (let turn = 0; turn < JOINS; turn++) {
      const late = await stage.guest(`late-${mode}-${turn}`);
      await late.join({ singlePeerConnection });
      await late.event('FirstFrame', 'ada camera');
      const moments = Object.fromEntries((await late.events()).map(([moment, name]) => [name, moment]));
      connected.push(moments.Joined - moments.Joining);
      seen.push(moments.FirstFrame - moments.Joining);
      await late.sees(ada, { frames: 10 });
      if (turn === 0) await late.hears(ada);
      await late.page.close();
    }
    check(Math.max(...seen) <= LATE_MS_MAX, `${mode}: the first frame took ${Math.max(...seen)} ms, limit ${LATE_MS_MAX}`);
    notes.push(`${mode}: joined after ${middle(connected)} ms, first frame after ${middle(seen)} ms (worst ${Math.max(...seen)})`);
  }
  const requests = (await asked()) - before;
  check(requests < 2 * JOINS, `${requests} keyframe requests for ${2 * JOINS} joins: what the server keeps should serve most`);
  notes.push(`${requests} keyframe requests for ${2 * JOINS} joins`);
  return notes.join('; ');
}

function middle(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
