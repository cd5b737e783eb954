// The pages: an audio room in which a listener asks to speak, and a livestream from backstage to its end.
// deadline: 180
import { accessible } from '../lib/axe.mjs';
import { check, until } from '../lib/check.mjs';
import { PHONE, Visitor, singing } from '../lib/walk.mjs';

export default async function (stage) {
  const ada = await Visitor.open(stage, 'Ada');
  const [bob, cem] = [await Visitor.open(stage, 'Bob', { context: PHONE, before: singing }), await Visitor.open(stage, 'Cem')];
  await talks(ada, bob, cem);
  const dara = await Visitor.open(stage, 'Dara');
  const first = await streams(ada, [bob, cem, dara]);
  await stage.empty();
  return `first frame ${first} ms after going live`;
}

async function talks(ada, bob, cem) {
  const path = await begins(ada, /New audio room/, 'Go to the stage');
  await bob.goto(path);
  await bob.press('Come in and listen');
  await bob.sees('still getting ready');
  await ada.press('Open the room');
  await bob.press('Raise hand');
  await ada.sees('One hand is raised');
  await bob.press('Lower hand');
  await ada.page.locator('.th-hands').waitFor({ state: 'detached' });
  await bob.press('Raise hand');
  await ada.sees('One hand is raised');
  await accessible(ada.page, 'the audio room of its host');
  await cem.enter(path, 'Come in and listen');
  await accessible(bob.page, 'the audio room on a phone');
  check((await cem.page.locator('.th-audio button, .people-toggle').count()) === 0, 'a listener may moderate');
  await ada.press('People');
  await ada.page.locator('.th-list').getByRole('img', { name: 'Hand raised' }).waitFor();
  await accessible(ada.page, 'the list of people in an audio room');
  await ada.press('Close the list of people');
  await ada.press('Let speak: Bob');
  await bob.sees('You may speak');
  await bob.press('Microphone: off');
  const onStage = ada.page.locator('.th-on-stage li', { hasText: 'Bob' });
  await onStage.waitFor();
  await cem.page.locator('.th-on-stage li', { hasText: 'Bob' }).locator('[data-speaking]').waitFor();
  await onStage.getByRole('button').click();
  await accessible(ada.page, 'what a host can do with somebody');
  await ada.page.locator('dialog').getByRole('button', { name: 'Move to the audience' }).click();
  await bob.sees('You are listening again');
  await bob.page.getByRole('button', { name: 'Raise hand' }).waitFor();
  for (const visitor of [bob, cem, ada]) await visitor.leave();
}

async function streams(ada, viewers) {
  const [bob, cem] = viewers;
  const path = await begins(ada, /New livestream/, 'Go backstage');
  await ada.watches(1, '.th-live-picture video');
  await accessible(ada.page, "the livestream's backstage");
  await ada.page.getByRole('tab', { name: 'OBS' }).click();
  await until('server and key for an encoder', async () => /rtmp:\/\//.test(await ada.page.locator('.th-secret code').first().textContent()));
  await ada.press('Show the stream key');
  const key = await ada.page.locator('.th-secret code').nth(1).textContent();
  await ada.press('Another key');
  await ada.press('Make another key');
  await ada.sees('There is another stream key');
  check((await ada.page.locator('.th-secret code').nth(1).textContent()) !== key, 'the stream key stayed');
  await accessible(ada.page, 'server and key');
  for (const viewer of viewers) {
    await viewer.goto(path);
    await viewer.press('Watch');
    await viewer.sees('still getting ready');
  }
  await accessible(bob.page, 'the wait for a livestream');
  const begun = Date.now();
  await ada.press('Go live');
  await cem.page.waitForFunction(() => document.querySelector('.th-live-picture video')?.videoWidth > 0, undefined, { polling: 20 });
  const first = Date.now() - begun;
  for (const viewer of viewers) await viewer.watches(1);
  await ada.page.locator('[aria-label="3 viewers"]').waitFor();
  await bob.page.fill('.th-chat input', 'Hello from the river');
  await bob.press('Send');
  for (const visitor of [ada, ...viewers]) await visitor.sees('Hello from the river');
  check((await bob.page.getByText('Live', { exact: true }).count()) > 0, 'no live badge');
  await accessible(bob.page, 'a livestream on a phone');
  await accessible(ada.page, "a livestream's desk");
  await ada.press('Stop the livestream');
  await bob.sees('The host has stopped');
  await ada.page.click('.th-leave');
  await ada.page.click('.end-for-all');
  await cem.sees('The call is over');
  return first;
}

/** Begins a call at the start page and goes in. Answers its path. */
async function begins(visitor, card, button) {
  await visitor.goto('/');
  await visitor.page.locator('.start-card:enabled').first().waitFor();
  await visitor.press(card);
  await visitor.press(button);
  await visitor.page.locator('.th-controls').waitFor();
  return new URL(visitor.page.url()).pathname;
}
