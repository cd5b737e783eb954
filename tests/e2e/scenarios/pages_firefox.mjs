// The pages in Firefox: two people meet, one in each engine, and a livestream's viewer in Firefox sees its host go live.
// deadline: 180
import { token } from '../lib/calls.mjs';
import { Visitor } from '../lib/walk.mjs';

export default async function (stage) {
  const fay = await Visitor.open(stage, 'Fay', { token: token({ sub: 'fay' }), firefox: true });
  const ada = await Visitor.open(stage, 'Ada', { token: token({ sub: 'ada' }) });
  await meet(fay, ada);
  await stage.empty();
}

/** Fay begins a meeting in Firefox, Ada comes by its link in Chromium. */
async function meet(fay, ada) {
  await fay.goto('/');
  await fay.page.locator('.start-card:enabled').first().waitFor();
  await fay.press(/New meeting/);
  // The fake devices of Firefox are allowed only when they are asked for, as it is for people.
  await fay.press('Check camera and microphone');
  await fay.page.locator('.th-preview video').waitFor();
  const path = new URL(fay.page.url()).pathname;
  await fay.press('Join');
  await fay.sees('You are the first one here');
  await ada.enter(path, 'Join');
  for (const visitor of [fay, ada]) await visitor.watches(1);
  await fay.press(/^Chat/);
  await fay.page.fill('.th-chat input', 'Hello from the other engine');
  await fay.press('Send');
  await ada.press('Chat, 1');
  await ada.sees('Hello from the other engine');
  await ada.press('Camera: on');
  await fay.page.locator('.th-tile[data-user] .th-avatar').waitFor();
  await fay.press('Microphone: on');
  await ada.page.locator('.th-tile[aria-label="Fay"] [aria-label="Microphone off"]').waitFor();
  for (const visitor of [ada, fay]) await visitor.leave();
}
