// LiveKit's own React components, built from npm as an app builds them: two in a conference who see each other and chat, and one
// who may only watch; tokens are minted as a back end mints them.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { AccessToken } from 'livekit-server-sdk';
import { check, reach, until } from '../lib/check.mjs';
import { servePage } from '../lib/pages.mjs';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../page/conference.jsx');

export default async function (stage) {
  const site = await servePage(await bundle());
  stage.atEnd(() => site.close());
  const [ada, bob] = [await enter(stage, site, 'ada'), await enter(stage, site, 'bob')];
  await Promise.all([shows(ada, 2), shows(bob, 2)]);
  const cid = await enter(stage, site, 'cid', false);
  await shows(cid, 2);
  await ada.click('.lk-chat-toggle');
  await bob.click('.lk-chat-toggle');
  await ada.fill('.lk-chat-form-input', 'the river is high');
  await ada.press('.lk-chat-form-input', 'Enter');
  await until('bob reads it', () => bob.evaluate(() => document.querySelector('.lk-chat-messages')?.textContent.includes('the river is high')));
  await ada.click('#stop');
  await until('bob sees that ada is silent', () => bob.evaluate(() => document.querySelector('.lk-participant-tile[data-lk-video-muted="true"]') !== null));
  await ada.click('#start');
  await Promise.all([shows(bob, 2), shows(cid, 2)]);
  for (const page of [ada, bob, cid]) {
    check((await page.evaluate(() => window.errors)).length === 0, `errors: ${await page.evaluate(() => window.errors)}`);
    await page.click('.lk-disconnect-button');
    await until('the page is back at its beginning', () => page.evaluate(() => document.querySelector('main').textContent === 'Go live with camera'));
  }
  await stage.empty();
}

/** The page as one script and one style sheet. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [PAGE], bundle: true, write: false, outdir: '/', format: 'iife', jsx: 'automatic', logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const text = (end) => outputFiles.find((file) => file.path.endsWith(end)).text;
  const html = '<!doctype html><link rel="stylesheet" href="conference.css"><main style="height: 90vh"></main><script src="conference.js"></script>';
  return { '/conference': [html, 'text/html'], '/conference.js': [text('.js'), 'text/javascript'], '/conference.css': [text('.css'), 'text/css'] };
}

async function enter(stage, site, identity, canPublish = true) {
  const token = new AccessToken('devkey', 'secret', { identity, ttl: '1h' });
  token.addGrant({ roomJoin: true, room: 'river', canPublish, canSubscribe: true, canPublishData: true });
  const page = await stage.tab(identity);
  await page.goto(`${site.url}conference`);
  await page.evaluate((pass) => window.enter(pass), { token: await token.toJwt(), url: stage.url, publishes: canPublish });
  return page;
}

/** Waits until so many pictures move, each somebody's own. */
async function shows(page, count) {
  const frames = () =>
    page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.lk-participant-tile')].map((tile) => {
      const video = tile.querySelector('video');
      return [tile.querySelector('.lk-participant-name')?.textContent, video?.videoWidth > 0 ? video.getVideoPlaybackQuality().totalVideoFrames : 0];
    })));
  const first = await frames();
  await reach(`${count} pictures move`, async () => {
    const now = await frames();
    // A picture that came anew counts from nothing.
    const more = ([name, each]) => each - Math.min(first[name] ?? 0, each) >= 5 || (each < first[name] && each >= 5);
    return [Object.entries(now).filter(more).length === count, [first, now]];
  });
}
