// The pages in Firefox: two people meet, one in each engine, a listener speaks in an audio room, and a livestream's viewer sees its
// host go live.
// deadline: 180
import { token } from '../lib/calls.mjs';
import { Visitor, backEnd } from '../lib/walk.mjs';

export default async function (stage) {
  const fay = await Visitor.open(stage, 'Fay', { token: token({ sub: 'fay' }), firefox: true });
  const ada = await Visitor.open(stage, 'Ada', { token: token({ sub: 'ada' }) });
  await meet(fay, ada);
  await speak(fay, ada);
  const first = await watch(fay, ada);
  await stage.empty();
  return `first frame ${first} ms after going live`;
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
  await ada.press('Camera: off');
  await fay.watches(1);
  await fay.press('Microphone: on');
  await ada.page.locator('.th-tile[aria-label="Fay"] [aria-label="Microphone off"]').waitFor();
  for (const visitor of [ada, fay]) await visitor.leave();
}

/** Ada holds an audio room in Chromium; Fay listens in Firefox, asks, speaks, and is moved back. */
async function speak(fay, ada) {
  const calls = backEnd(ada.stage);
  await calls.post('/calls/audio_room/talk', calls.server, { created_by: 'ada' });
  await ada.enter('/talk/talk', 'Go to the stage');
  await fay.goto('/talk/talk');
  await fay.press('Come in and listen');
  await fay.sees('still getting ready');
  await ada.press('Open the room');
  await fay.press('Raise hand');
  await ada.press('Let speak: Fay');
  await fay.sees('You may speak');
  await fay.press('Microphone: off');
  const onStage = ada.page.locator('.th-on-stage li', { hasText: 'Fay' });
  await onStage.locator('[data-speaking]').waitFor();
  await onStage.getByRole('button').click();
  await ada.page.locator('dialog').getByRole('button', { name: 'Move to the audience' }).click();
  await fay.sees('You are listening again');
  for (const visitor of [fay, ada]) await visitor.leave();
}

/** Ada goes live in Chromium, Fay watches in Firefox. Answers after how long the picture is there, in milliseconds. */
async function watch(fay, ada) {
  const calls = backEnd(ada.stage);
  await calls.post('/calls/livestream/show', calls.server, { created_by: 'ada' });
  await ada.enter('/live/show', 'Go backstage');
  await ada.watches(1, '.th-live-picture video');
  await fay.goto('/live/show');
  await fay.press('Watch');
  await fay.sees('still getting ready');
  const begun = Date.now();
  await ada.press('Go live');
  await fay.watches(1, '.th-live-picture video');
  const first = Date.now() - begun;
  await fay.page.fill('.th-chat input', 'Hello from Firefox');
  await fay.press('Send');
  await ada.sees('Hello from Firefox');
  await ada.press('Stop the livestream');
  await fay.sees('The host has stopped');
  await ada.page.click('.th-leave');
  await ada.page.click('.end-for-all');
  await fay.sees('The call is over');
  return first;
}
