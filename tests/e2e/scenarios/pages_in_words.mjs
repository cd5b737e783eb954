// The pages when something is missing: each is said in words, with what to do, and can be used without seeing it.
// deadline: 180
import { accessible } from '../lib/axe.mjs';
import { Visitor, backEnd } from '../lib/walk.mjs';

const DEVICES = { NotAllowedError: 'Camera blocked', NotFoundError: 'No camera found', NotReadableError: 'Camera busy' };

export default async function (stage) {
  const calls = backEnd(stage);
  await calls.post('/calls/default/river', calls.server, { created_by: 'ada', custom: { title: 'The river' } });
  for (const [name, words] of Object.entries(DEVICES)) {
    const visitor = await Visitor.open(stage, name);
    await visitor.page.addInitScript((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
    }, name);
    await visitor.goto('/meet/river');
    await visitor.sees(words);
    await visitor.sees('You can join without a camera');
    if (name === 'NotAllowedError') await accessible(visitor.page, 'the lobby without a camera');
    await visitor.press('Join');
    await visitor.page.locator('.th-controls').waitFor();
    await visitor.sees(words);
    await visitor.leave();
    await visitor.close();
  }

  const lost = await Visitor.open(stage, 'Lost');
  for (const [path, words] of [['/live/nothing', 'There is no livestream here'], ['/meet/a b', 'There is no such page']]) {
    await lost.goto(path);
    await lost.sees(words);
    await accessible(lost.page, path);
  }
  await calls.post('/calls/default/river/end', calls.server);
  await lost.goto('/meet/river');
  await lost.sees('The river is over');
  await accessible(lost.page, 'a call that is over');

  await lost.page.route('**/dev/user-token*', (route) => route.fulfill({ status: 404 }));
  await lost.goto('/?again');
  await lost.sees('You need an invitation');
  await accessible(lost.page, 'the page without a token');
  await lost.page.fill('textarea', 'no token');
  await lost.press('Come in');
  await lost.sees('That is no token');
  await lost.page.unroute('**/dev/user-token*');
  await lost.page.route('**/dev/user-token*', (route) => route.abort());
  await lost.goto('/?once-more');
  await lost.sees('The server does not answer');
  await accessible(lost.page, 'the page without a server');
  await stage.empty();
}
