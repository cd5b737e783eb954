// @thalweg/client without devices: it joins all the same and says in words what is wrong, before the call and in it, and works once
// that is mended; the same user in another tab closes the first. And the page of the quickstart, as its guide shows it: two meet.
// deadline: 180, for machines that do much else
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { token } from '../lib/calls.mjs';
import { check, reach, until } from '../lib/check.mjs';
import { servePage } from '../lib/pages.mjs';
import { SdkSite, bundled } from '../lib/sdk.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const FAULTS = {
  NotAllowedError: ['Camera blocked', 'Microphone blocked'],
  NotFoundError: ['No camera found', 'No microphone found'],
  NotReadableError: ['Camera busy', 'Microphone busy'],
  OverconstrainedError: ['Camera not suitable', 'Microphone not suitable'],
};

export default async function (stage) {
  const site = await SdkSite.open(stage);
  const ann = await site.page('ann', {
    before: () => {
      const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      window.wrong = '';
      navigator.mediaDevices.getUserMedia = (given) => (window.wrong ? Promise.reject(new DOMException('no', window.wrong)) : real(given));
    },
  });
  const wrong = (name) => ann.page.evaluate((name) => void (window.wrong = name), name);
  const shows = (what, status, titles) => reach(`${what}: ${titles}`, async () => {
    const { camera, microphone } = await ann.look();
    return [[camera, microphone].every((each, index) => each.status === status && each.title === titles[index]), [camera, microphone]];
  });

  await ann.run((sdk) => sdk.take('default', 'standup'));
  for (const [name, titles] of Object.entries(FAULTS)) {
    await wrong(name);
    await ann.run((sdk) => Promise.all([sdk.call.camera.enable(), sdk.call.microphone.enable()]));
    await shows('before the call', 'failed', titles);
  }
  await wrong('');
  await ann.run((sdk) => sdk.call.camera.enable());
  const preview = await ann.run((sdk) => sdk.call.camera.state.value.track?.mediaStreamTrack.readyState);
  check(preview === 'live', `the preview is ${preview}`);
  await wrong('NotReadableError');
  await ann.run((sdk) => sdk.call.join({ create: true }));
  await reach('the preview is published, the microphone is not', async () => {
    const { state, people, microphone } = await ann.look();
    return [state === 'joined' && people[0]?.camera && microphone.title === 'Microphone busy', { state, people, microphone }];
  });
  await wrong('');
  await ann.run((sdk) => sdk.call.microphone.enable());
  await shows('mended', 'on', ['', '']);
  // The camera is pulled out.
  await ann.run((sdk) => sdk.call.camera.state.value.track.mediaStreamTrack.dispatchEvent(new Event('ended')));
  await reach('the camera that stopped is told', async () => {
    const { camera } = await ann.look();
    return [camera.status === 'failed' && camera.title === 'Camera stopped', camera];
  });
  // The same user in another tab.
  const again = await site.page('ann');
  await again.run((sdk) => sdk.take('default', 'standup').join());
  await reach('the first tab is told', async () => {
    const { state, fault, camera } = await ann.look();
    return [state === 'left' && fault === 'You joined from somewhere else' && camera.status === 'off', { state, fault, camera }];
  });
  for (const page of [ann, again]) await page.run((sdk) => sdk.client.close());

  await quickstart(stage);
  await stage.empty();
}

/** The page of the guide, for two users. */
async function quickstart(stage) {
  const guide = readFileSync(join(ROOT, 'docs/guide/quickstart-html.md'), 'utf8');
  const html = /```html\n([\s\S]*?)```/.exec(guide)[1].replaceAll('http://127.0.0.1:7880', stage.http);
  const library = await bundled(join(ROOT, 'web/client/src/index.ts'), { format: 'esm' });
  const pages = [];
  for (const user of ['bob', 'cid']) {
    const made = { '/quick': [html, 'text/html'], '/thalweg-client.js': [library, 'text/javascript'], '/token': [JSON.stringify({ token: token({ sub: user }) }), 'application/json'] };
    const site = await servePage(made);
    stage.atEnd(() => site.close());
    const page = await stage.tab(user);
    await page.goto(`${site.url}quick`);
    pages.push(page);
  }
  for (const page of pages) {
    const moving = () => page.evaluate(() => [...document.querySelectorAll('#people video')].filter((video) => video.getVideoPlaybackQuality().totalVideoFrames > 5).length);
    await until('two pictures move', async () => (await moving()) === 2);
  }
  const [bob, cid] = pages;
  await bob.click('#leave');
  await until('one picture is left', () => cid.evaluate(() => document.querySelectorAll('#people video').length === 1));
  await cid.click('#leave');
}
