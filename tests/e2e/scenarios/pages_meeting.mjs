// The pages: from the start page to a meeting of four with a shared screen, and to its end. One is on a phone.
// deadline: 180
import { accessible } from '../lib/axe.mjs';
import { PHONE, Visitor, paintedScreen } from '../lib/walk.mjs';

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

  const others = [];
  for (const [name, context] of [['Bob', {}], ['Cem', PHONE], ['Dara', {}]]) {
    const visitor = await Visitor.open(stage, name, { context, before: paintedScreen });
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
  await dara.leave();
  await ada.page.locator('.people', { hasText: '3 people' }).waitFor();
  await ada.page.click('.th-leave');
  await accessible(ada.page, 'the choice to leave or to end');
  await ada.page.click('.end-for-all');
  for (const visitor of [ada, bob, cem]) await visitor.sees('The call is over');
  await accessible(cem.page, 'the farewell');
  await stage.empty();
}
