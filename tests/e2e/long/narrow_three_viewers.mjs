// One camera in three sizes and three viewers behind 3 Mbit/s, 800 and 200 kbit/s at once: each gets what fits, and the fast one does
// not feel the slow ones. In VP8 simulcast and in SVC with VP9 and AV1. network: own. deadline: 400
// CODECS are those that are tried (vp8,vp9,av1).
import { check } from '../lib/check.mjs';
import { Eye } from '../lib/eye.mjs';
import { Link } from '../lib/network.mjs';

const KBPS = [3000, 800, 200];
/** What they must see most of the time, in lines. An encoder may fit 720 into 800 kbit/s. */
const SIZES = [[720], [360, 720], [180]];
/** The first seconds belong to the search for what fits; then so long is looked, in milliseconds. */
const SETTLE_MS = 10_000;
const LOOK_MS = 20_000;
/** Longest pause of each picture after that, in milliseconds. The slowest link does not keep to it yet: docs/congestion.md. */
const PAUSE_MS_MAX = [500, 500, 500];

export default async function (stage) {
  const links = await Promise.all(KBPS.map(async (kbps, index) => {
    const link = await Link.lay(stage, index + 1);
    link.carry(kbps);
    return link;
  }));
  const viewers = await Promise.all(links.map((link, index) => stage.afar(`${KBPS[index]}k`, link)));
  const [notes, faults] = [[], []];
  for (const videoCodec of (process.env.CODECS ?? 'vp8,vp9,av1').split(',')) {
    const room = videoCodec;
    const ada = await stage.joined('ada', { room });
    await ada.camera({ simulcast: true, videoCodec, backupCodec: false }, { resolution: { width: 1280, height: 720, frameRate: 20 } });
    await ada.microphone();
    const eyes = await Promise.all(viewers.map(async (viewer) => {
      await viewer.join({ room, grant: { canPublish: false } });
      return Eye.on(viewer, 'ada');
    }));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const from = await Promise.all(eyes.map((eye) => eye.now()));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const seen = await Promise.all(eyes.map((eye, index) => eye.account(from[index])));
    for (const eye of eyes) console.log(videoCodec, eye.viewer.identity, await eye.course());
    const sounds = await Promise.all(viewers.map((viewer) => viewer.received(ada, 'Microphone')));
    console.log('sound, bytes and seconds:', JSON.stringify(sounds.map((it) => [it?.bytesReceived, it?.totalSamplesDuration])));
    const numbers = await Promise.all(viewers.map((viewer) => viewer.received(ada, 'Camera')));
    console.log(videoCodec, JSON.stringify(seen), JSON.stringify(numbers.map(({ framesDecoded, freezeCount, totalFreezesDuration, pliCount, nackCount, packetsLost }) => ({ framesDecoded, freezeCount, totalFreezesDuration, pliCount, nackCount, packetsLost }))), JSON.stringify(await ada.sent('Camera')));
    seen.forEach(({ longest }, index) => longest <= PAUSE_MS_MAX[index] || faults.push(`${videoCodec} at ${KBPS[index]} kbit/s stood still for ${longest} ms`));
    const most = seen.map(({ heights }) => Number(Object.entries(heights).sort(([, a], [, b]) => b - a)[0]?.[0]));
    SIZES.forEach((heights, index) => heights.includes(most[index]) || faults.push(`${videoCodec} at ${KBPS[index]} kbit/s: ${most[index]} lines, wanted ${heights.join(' or ')}`));
    notes.push(`${videoCodec}: ${seen.map(({ fps, longest }, index) => `${most[index]} lines ${fps}/s, longest pause ${longest} ms`).join('; ')}`);
    for (const guest of viewers) await guest.leave();
    await ada.page.close();
  }
  console.log(notes.join('\n'));
  check(faults.length === 0, faults.join('; '));
  return notes.join(' | ');
}
