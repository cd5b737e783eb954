// The pages: from the start page to a meeting of four with a shared screen and a host who moderates, and to its end. One is on a
// phone, and has a picture.
// deadline: 180
import { accessible } from '../lib/axe.mjs';
import { token } from '../lib/calls.mjs';
import { check, until } from '../lib/check.mjs';
import { PHONE, Visitor, backEnd, paintedScreen } from '../lib/walk.mjs';

/** The picture of a user. */
const FACE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'><circle cx='1' cy='1' r='1'/></svg>";

export default async function (stage) {
  const ada = await Visitor.open(stage, 'Ada');
  await ada.goto('/');
  await ada.sees('Your calls');
  await ada.page.locator('.start-card:enabled').first().waitFor();
  await ada.sees('Still water');
  await accessible(ada.page, 'the start page');
  await ada.press(/New meeting/);
  await ada.page.locator('.th-preview video').waitFor();
  await accessible(ada.page, 'the lobby');
  const path = new URL(ada.page.url()).pathname;
  await ada.press('Join');
  await ada.sees('You are the first one here');

  const calls = backEnd(stage);
  await calls.ask('PUT', '/users', calls.server, { users: [{ id: 'cem', image: FACE }] });
  const others = [];
  for (const [name, more] of [['Bob', {}], ['Cem', { context: PHONE, token: token({ sub: 'cem' }) }], ['Dara', {}]]) {
    const visitor = await Visitor.open(stage, name, { before: paintedScreen, ...more });
    await visitor.enter(path, 'Join');
    others.push(visitor);
  }
  const [bob, cem, dara] = others;
  for (const visitor of [ada, ...others]) await visitor.watches(3);
  await dara.press('Share your screen');
  for (const visitor of [ada, bob, cem]) await visitor.watches(1, '.th-stage [data-screen] video');
  await bob.press(/^Chat/);
  await bob.page.fill('.th-chat input', 'Which harbour is this?');
  await bob.press('Send');
  await ada.press('Chat, 1');
  await ada.sees('Which harbour is this?');
  await accessible(ada.page, 'the meeting');
  await cem.press('Microphone: on');
  await ada.page.locator('.th-tile[aria-label="Cem"] [aria-label="Microphone off"]').waitFor();
  await accessible(cem.page, 'the meeting on a phone');
  await cem.press('Camera: on');
  await ada.page.locator('.th-tile[aria-label="Cem"] img').waitFor();
  await moderates(ada, bob, cem, dara);
  await ada.page.locator('.people', { hasText: '3 people' }).waitFor();
  await ada.page.click('.th-leave');
  await accessible(ada.page, 'the choice to leave or to end');
  await ada.page.click('.end-for-all');
  for (const visitor of [ada, bob, cem]) await visitor.sees('The call is over');
  await accessible(cem.page, 'the farewell');
  await stage.empty();
}

/** Ada, the host, mutes Bob, makes Cem a host, and sends Dara out. */
async function moderates(ada, bob, cem, dara) {
  const more = (visitor, name) => visitor.page.getByRole('button', { name: `More for ${name}` });
  await cem.press(/^4/);
  await cem.page.locator('.th-list [data-user]').nth(3).waitFor();
  await cem.press('More for Bob');
  await cem.page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
  check((await cem.page.getByText(/Make a host|Send out|Move to/).count()) === 0, 'a user who is no host may send others out');
  await cem.page.keyboard.press('Escape');
  await ada.press('4 people');
  await accessible(ada.page, 'the list of people');
  // By keyboard, and the focus comes back to where it was.
  await more(ada, 'Bob').focus();
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
  await accessible(ada.page, 'what a host can do with somebody in a meeting');
  await ada.page.keyboard.press('Escape');
  await until('the focus is back', () => ada.page.evaluate(() => document.activeElement?.getAttribute('aria-label') === 'More for Bob'));
  await act(ada, 'Bob', 'Mute');
  await bob.sees('You were muted');
  await ada.page.locator('.th-list li', { hasText: 'Bob' }).getByRole('img', { name: 'Microphone off' }).waitFor();
  await act(ada, 'Bob', 'Stop the camera');
  await bob.sees('Your camera was stopped');
  await act(ada, 'Cem', 'Make a host');
  await cem.sees('You are a host now');
  await ada.press('Mute all others');
  await dara.sees('You were muted');
  await act(cem, 'Dara', 'Send out and keep out');
  await dara.sees('You were removed');
  await ada.page.getByRole('button', { name: 'Let back in: Dara' }).waitFor();
  await cem.press('Close the list of people');
}

async function act(visitor, name, what) {
  await visitor.press(`More for ${name}`);
  await visitor.page.locator('dialog').getByRole('button', { name: what, exact: true }).click();
}
