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
  await lost.goto('/');
  await plans(lost);
  await lost.page.fill('[name=invitation]', 'not a name');
  await lost.press('Join');
  await lost.sees('That is no link to a call');
  await lost.page.fill('[name=invitation]', 'livestream:nothing');
  await lost.press('Join');
  await lost.sees('There is no livestream here');
  await accessible(lost.page, 'a livestream that is not there');
  await lost.goto('/meet/a b');
  await lost.sees('There is no such page');
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

/** Schedules a call, which then stands in the list. */
async function plans(visitor) {
  await visitor.page.locator('.home-calls button:enabled', { hasText: 'Schedule' }).click();
  await visitor.page.fill('[name=title]', 'Flood plan');
  await accessible(visitor.page, 'the plan of a call');
  await visitor.page.locator('dialog').getByRole('button', { name: 'Schedule' }).click();
  await visitor.sees('It is planned');
  await visitor.press('Done');
  await visitor.sees('Coming up');
  await visitor.page.locator('.call-row', { hasText: 'Flood plan' }).waitFor();
}
