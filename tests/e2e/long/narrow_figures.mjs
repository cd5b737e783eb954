// What a viewer of 720p in three sizes sees on a bad link, in figures: behind 300 kbit/s from the middle of the call, from the first moment,
// with one datagram in twenty lost, and after an outage of six seconds. network: own. deadline: 900
// RUNS is how often each is tried (5). It prints the part of the time in which the picture stood still, and fails only far beyond it.
import { check } from '../lib/check.mjs';
import { Eye } from '../lib/eye.mjs';
import { Link } from '../lib/network.mjs';

const RUNS = Number(process.env.RUNS ?? 5);
const LOOK_MS = 20_000;
const OUTAGE_MS = 6000;
/** A link that is no bound. */
const FREE_KBPS = 20_000;
/** On a loaded machine the machine itself makes pictures stand; percent of the time. */
const FROZEN_MAX = 40;

export default async function (stage) {
  const ada = await stage.joined('ada');
  await ada.camera({ simulcast: true, videoCodec: 'vp8' }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
  await ada.microphone();
  const link = await Link.lay(stage, 1);
  const viewer = await stage.afar('bob', link);
  const found = { 'limited while watching': [], 'joined under the limit': [], '5 % lost': [], 'frames back after 6 s without a link, ms': [], 'nothing wrong': [] };
  for (let run = 0; run < RUNS; run++) {
    await free(link);
    const eye = await joined(viewer);
    await eye.reaches(720, 20_000);
    found['nothing wrong'].push(await frozen(eye));
    link.lose(5);
    found['5 % lost'].push(await frozen(eye));
    link.mend();
    await wait(3000);
    found['frames back after 6 s without a link, ms'].push(await outage(link, eye));
    await eye.reaches(720, 20_000);
    link.carry(300);
    found['limited while watching'].push(await frozen(eye));
    await viewer.leave();
    found['joined under the limit'].push(await frozen(await joined(viewer), true));
    await viewer.leave();
  }
  const notes = Object.entries(found).map(([what, each]) => `${what}: ${middle(each)} (${each.join(', ')})`);
  console.log(notes.join('\n'));
  for (const [what, each] of Object.entries(found)) if (!what.endsWith('ms')) check(middle(each) <= FROZEN_MAX, `${what}: frozen ${middle(each)} % of the time`);
  return notes.join('; ');
}

async function free(link) {
  link.mend();
  link.carry(FREE_KBPS);
}

async function joined(viewer) {
  await viewer.join({ grant: { canPublish: false } });
  return Eye.on(viewer, 'ada');
}

/** The part of the time, from now or from the first frame on, in which the picture stands, in percent. */
async function frozen(eye, fromFirst = false) {
  let from = await eye.now();
  await wait(LOOK_MS);
  if (fromFirst) from = (await eye.frames(from))[0]?.[0] ?? from;
  const seen = await eye.account(from);
  console.log(JSON.stringify(seen));
  return seen.frozen;
}

/** Takes the link away and gives it back: how long after that the next frame came. */
async function outage(link, eye) {
  link.cut();
  await wait(OUTAGE_MS);
  link.mend();
  const back = await eye.now();
  await eye.viewer.sees(eye.identity, { frames: 20 });
  const [first] = await eye.frames(back + 20);
  return Math.round(first[0] - back);
}

function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function middle(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
