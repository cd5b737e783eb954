// The server's own page: two people fill in their names, meet, see and hear each other, and leave.
import { check, reach, until } from '../lib/check.mjs';

export default async function (stage) {
  const answer = await fetch(`${stage.http}/`, { headers: { accept: 'text/html' } });
  check((answer.headers.get('content-type') ?? '').includes('text/html'), `GET / answered ${answer.status} ${answer.headers.get('content-type')}, wanted the page`);
  const pages = [];
  for (const name of ['Ada', 'Bob']) {
    const page = await stage.tab(name);
    await page.goto(`${stage.http}/?room=river`);
    await page.fill('[name=name]', name);
    await page.click('button[type=submit]');
    await until(`${name} is in the call`, () => page.evaluate(() => window.room?.state === 'connected'));
    pages.push(page);
  }
  for (const page of pages) {
    await reach('the other one is seen', async () => {
      const seen = await page.evaluate(() => [...document.querySelectorAll('.tile:not(.mirrored) video')].map((video) => [video.videoWidth, video.currentTime]));
      return [seen.length === 1 && seen[0][0] > 0 && seen[0][1] > 1, seen];
    });
    await until('both names are shown', () => page.evaluate(() => ['Ada', 'Bob'].every((name) => document.body.textContent.includes(name))));
  }
  await pages[0].click('.toggle-microphone');
  await until('Bob sees that Ada is muted', () => pages[1].evaluate(() => !document.querySelector('.tile:not(.mirrored) .muted').hidden));
  for (const page of pages) {
    await page.click('.leave');
    await page.getByText('You left the room').waitFor();
  }
  await stage.empty();
}
