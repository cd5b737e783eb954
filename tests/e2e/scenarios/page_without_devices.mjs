// The server's own page without a camera: it says why in clear words, and joining works all the same.
import { until } from '../lib/check.mjs';

const CASES = { NotAllowedError: 'Camera blocked', NotFoundError: 'No camera found', NotReadableError: 'Camera busy', OverconstrainedError: 'Camera not suitable' };

export default async function (stage) {
  for (const [name, words] of Object.entries(CASES)) {
    const page = await stage.tab(name);
    await page.addInitScript((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
    }, name);
    await page.goto(`${stage.http}/?room=river&name=Ada&autojoin=1`);
    await until(`with ${name} the page joins`, () => page.evaluate(() => window.room?.state === 'connected'));
    await page.getByText(words).first().waitFor();
    await page.click('.leave');
    await page.getByText('You left the room').waitFor();
  }
  await stage.empty();
}
