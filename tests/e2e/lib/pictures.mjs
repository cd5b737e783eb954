// Takes the pictures of docs/guide/pages: every page and state, at a desk and on a phone. `tests/e2e/pictures [FOLDER]`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from './server.mjs';
import { Stage } from './stage.mjs';
import { token } from './calls.mjs';
import { PHONE, Visitor, backEnd, paintedCamera, paintedScreen, singing } from './walk.mjs';

const [folder = '../../docs/guide/pages', format = 'webp', only = ''] = process.argv.slice(2);
/** Small enough for a repository, good enough to read. */
const QUALITY = 62;

mkdirSync(folder, { recursive: true });
mkdirSync('logs', { recursive: true });
const server = await Server.start({ log: 'logs/pictures.server.log' });
Object.assign(process.env, server.environment());
const stage = new Stage();
const calls = backEnd(stage);

/** Takes one, when the page stands still. */
async function take({ page }, name) {
  await page.waitForTimeout(500);
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format, ...(format === 'png' ? {} : { quality: QUALITY }) });
  writeFileSync(join(folder, `${name}.${format}`), Buffer.from(data, 'base64'));
  console.log(name);
}

/** The same page at a desk, in light, and on a phone. */
async function both(visitor, name, { light = false } = {}) {
  const { page } = visitor;
  await take(visitor, name);
  if (light) {
    await page.emulateMedia({ colorScheme: 'light' });
    await take(visitor, `${name}-light`);
    await page.emulateMedia({ colorScheme: 'dark' });
  }
  await page.setViewportSize(PHONE.viewport);
  await take(visitor, `${name}-phone`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

const open = (name, more = {}) => Visitor.open(stage, name, { before: paintedCamera, ...more, context: { colorScheme: 'dark', ...more.context } });
const asUser = (id, more = {}) => token({ sub: id, ...more });
const people = [['ada', 'Ada Lind'], ['bo', 'Bo Nakamura'], ['cem', 'Cem Aydın'], ['dara', 'Dara Okafor'], ['eli', 'Eli Roth'], ['fay', 'Fay Ortiz'], ['gil', 'Gil Tan']];

/** One part of the walk; a part that is not wanted is not walked. */
async function part(name, walk) {
  if (only && name !== only) return;
  await walk();
}

/** Two of them have pictures. */
const face = (hue) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'><rect width='64' height='64' fill='hsl(${hue} 30% 62%)'/><circle cx='32' cy='25' r='11' fill='hsl(25 40% 68%)'/><ellipse cx='32' cy='58' rx='22' ry='20' fill='hsl(${hue + 180} 25% 30%)'/></svg>`)}`;
const faces = { cem: face(200), eli: face(40) };
await calls.ask('PUT', '/users', calls.server, { users: people.map(([id, name]) => ({ id, name, image: faces[id] ?? '' })) });

await part('home', async () => {
  const empty = await open('Gil Tan', { token: asUser('gil') });
  await empty.goto('/');
  await empty.sees('Still water');
  await both(empty, 'home-empty', { light: true });
  await empty.page.route('**/api/v1/calls?*', (route) => route.abort());
  await empty.goto('/?x');
  await empty.page.getByText('cannot be reached').waitFor({ timeout: 30_000 });
  await both(empty, 'home-fault');
  await empty.close();
  const hour = 3_600_000;
  const plan = [['default/standup', 'Monday stand-up', 26], ['livestream/show', 'Spring show', 50], ['audio_room/rivers', 'Rivers and their names', 5]];
  for (const [path, title, hours] of plan) {
    await calls.post(`/calls/${path}`, calls.server, { created_by: 'ada', custom: { title }, starts_at_ms: Math.ceil(Date.now() / hour) * hour + hours * hour });
  }
  await calls.post('/calls/default/duma-reki-sola', calls.server, { created_by: 'ada' });
  await calls.post('/calls/default/retro', calls.server, { created_by: 'ada', custom: { title: 'Retrospective' } });
  await calls.post('/calls/default/retro/end', calls.server);
  const ada = await open('Ada Lind', { token: asUser('ada') });
  await ada.goto('/');
  await ada.sees('Monday stand-up');
  await both(ada, 'home', { light: true });
  await ada.press('Schedule');
  await ada.page.fill('[name=title]', 'Friday demo');
  await both(ada, 'schedule');
  await ada.page.locator('dialog').getByRole('button', { name: 'Schedule' }).click();
  await ada.sees('It is planned');
  await both(ada, 'scheduled');
  await ada.close();
});

await part('around', async () => {
  const gil = await open('Gil Tan', { token: asUser('gil') });
  await gil.goto('/live/nowhere');
  await gil.sees('There is no livestream here');
  await both(gil, 'around-absent');
  await calls.post('/calls/default/over', calls.server, { created_by: 'ada', custom: { title: 'Retrospective' } });
  await calls.post('/calls/default/over/end', calls.server);
  await gil.goto('/meet/over');
  await gil.sees('is over');
  await both(gil, 'around-ended');
  await gil.close();
  const stranger = await open('Nobody', { before: () => undefined });
  await stranger.page.route('**/dev/user-token*', (route) => route.fulfill({ status: 404 }));
  await stranger.goto('/');
  await stranger.sees('You need an invitation');
  await both(stranger, 'around-invitation', { light: true });
  await stranger.close();
});

await part('lobby', async () => {
  await calls.post('/calls/default/lobby', calls.server, { created_by: 'ada', custom: { title: 'Monday stand-up' } });
  const bo = await open('Bo Nakamura', { token: asUser('bo') });
  await bo.goto('/meet/lobby');
  await bo.page.locator('.th-preview video').waitFor();
  await both(bo, 'lobby', { light: true });
  await bo.close();
  const refused = await open('Bo Nakamura', { token: asUser('bo'), before: () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  } });
  await refused.goto('/meet/lobby');
  await refused.sees('Camera blocked');
  await both(refused, 'lobby-blocked');
  await refused.close();
});

await part('meeting', async () => {
  await calls.post('/calls/default/standup-1', calls.server, { created_by: 'ada', custom: { title: 'Monday stand-up' } });
  const here = [];
  for (const [id, name] of people.slice(0, 4)) {
    const visitor = await open(name, { token: asUser(id) });
    await visitor.enter('/meet/standup-1', 'Join');
    if (here.length === 0) await both(visitor, 'meeting-alone');
    here.push(visitor);
  }
  const [ada, bo, cem, dara] = here;
  await cem.press(/^Camera/);
  await bo.press(/^Microphone/);
  await ada.watches(2);
  await both(ada, 'meeting', { light: true });
  await bo.press('Chat');
  await bo.page.fill('.th-chat input', 'Good morning! The notes are in the usual place.');
  await bo.press('Send');
  await ada.press(/^Chat/);
  await ada.page.fill('.th-chat input', 'Thanks, Bo. I have them open.');
  await ada.press('Send');
  await both(ada, 'meeting-chat');
  await ada.press('Close the chat');
  await ada.press('4 people');
  await both(ada, 'meeting-people', { light: true });
  await ada.press('More for Bo Nakamura');
  await both(ada, 'meeting-person');
  await ada.press('Close');
  await ada.press('Close the list of people');
  await dara.page.evaluate(paintedScreen);
  await dara.press('Share your screen');
  await ada.page.locator('.th-stage .th-tile[data-screen] video').waitFor();
  await ada.watches(3);
  await both(ada, 'meeting-screen');
  await ada.press('Devices');
  await both(ada, 'meeting-devices');
  await ada.press('Done');
  await ada.page.click('.th-leave');
  await both(ada, 'meeting-leave');
  await ada.page.click('.just-leave');
  await ada.sees('You left');
  await both(ada, 'farewell');
  for (const visitor of here) await visitor.close();
});

await part('room', async () => {
  await calls.post('/calls/audio_room/rivers-1', calls.server, { created_by: 'ada', custom: { title: 'Rivers and their names' }, members: [{ user: 'bo', role: 'host' }] });
  const here = [];
  for (const [id, name] of people.slice(0, 6)) {
    const visitor = await open(name, { token: asUser(id), before: id === 'bo' ? singing : undefined });
    here.push(visitor);
    if (id === 'ada' || id === 'cem') {
      await visitor.goto('/talk/rivers-1');
      await visitor.page.locator('[name=name]').waitFor();
      if (id === 'ada') await both(visitor, 'room-lobby');
    }
    await visitor.enter('/talk/rivers-1', id === 'ada' || id === 'bo' ? 'Go to the stage' : 'Come in and listen');
    if (id === 'ada') {
      await both(visitor, 'room-backstage');
      await visitor.press('Open the room');
    }
  }
  const [ada, , cem, dara] = here;
  await ada.page.locator('[data-speaking]').first().waitFor();
  await both(ada, 'room');
  await cem.press('Raise hand');
  await dara.press('Raise hand');
  await ada.sees('2 hands are raised');
  await both(ada, 'room-hands', { light: true });
  await both(cem, 'room-hand-raised');
  await ada.page.locator('.th-hands').getByRole('button', { name: /^Let speak/ }).first().click();
  await cem.sees('You may speak');
  await both(cem, 'room-may-speak');
  await ada.page.locator('.th-audience button').first().click();
  await both(ada, 'room-person');
  for (const visitor of here) await visitor.close();
});

await part('live', async () => {
  await calls.post('/calls/livestream/show-1', calls.server, { created_by: 'ada', custom: { title: 'Spring show' } });
  const ada = await open('Ada Lind', { token: asUser('ada') });
  await ada.enter('/live/show-1', 'Go backstage');
  await ada.watches(1, '.th-live-picture video');
  await both(ada, 'live-backstage');
  const encoder = ada.page.getByRole('tab', { name: 'OBS' });
  if (await encoder.isVisible()) {
    await encoder.click();
    await both(ada, 'live-encoder');
    await ada.page.getByRole('tab', { name: 'This browser' }).click();
  }
  const viewers = [];
  for (const [id, name] of people.slice(1, 4)) {
    const visitor = await open(name, { token: asUser(id) });
    await visitor.goto('/live/show-1');
    await visitor.page.locator('[name=name]').waitFor();
    if (id === 'bo') await both(visitor, 'live-lobby');
    await visitor.press('Watch');
    await visitor.sees('still getting ready');
    if (id === 'bo') await both(visitor, 'live-waiting');
    viewers.push(visitor);
  }
  await ada.press('Go live');
  for (const viewer of viewers) await viewer.watches(1);
  const [bo, cem] = viewers;
  for (const [viewer, text] of [[bo, 'Hello from Lisbon!'], [cem, 'The picture is very clear here.'], [ada, 'Welcome, all of you. We begin in a minute.']]) {
    await viewer.page.fill('.th-chat input', text);
    await viewer.press('Send');
  }
  await bo.sees('We begin in a minute');
  await both(bo, 'live-viewer', { light: true });
  await both(ada, 'live-host', { light: true });
  await ada.press('Stop the livestream');
  await bo.sees('The host has stopped');
  await both(bo, 'live-stopped');
  for (const visitor of [ada, ...viewers]) await visitor.close();
});

// The last: it takes the server away.
await part('broken', async () => {
  await calls.post('/calls/default/broken', calls.server, { created_by: 'ada', custom: { title: 'Monday stand-up' } });
  const ada = await open('Ada Lind', { token: asUser('ada') });
  await ada.enter('/meet/broken', 'Join');
  await server.stop();
  await ada.sees('The connection broke');
  await both(ada, 'meeting-broken');
});

await stage.close();
await server.stop();
