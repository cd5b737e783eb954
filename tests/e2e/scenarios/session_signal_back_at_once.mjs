// A lost WebSocket is replaced within a second of being lost, and the media beneath does not notice: no freeze, no gap, no new
// connection. In both modes.
import { check, reach } from '../lib/check.mjs';

/** Signal must be back within this time, in milliseconds. */
const BACK_MS = 1000;

export default async function (stage) {
  const notes = [];
  for (const singlePeerConnection of [true, false]) {
    const room = `river-${singlePeerConnection}`;
    const [ada, bob] = [await stage.joined('ada', { room, singlePeerConnection }), await stage.joined('bob', { room, singlePeerConnection })];
    await ada.camera();
    await ada.microphone();
    await bob.sees(ada, { frames: 40 });
    await bob.hears(ada);
    for (const guest of [ada, bob]) {
      const before = await bob.received(ada, 'Camera');
      const heard = await bob.received(ada, 'Microphone');
      const took = await guest.drive(lose);
      check(took <= BACK_MS, `${guest.identity}: signal was back after ${took} ms (single ${singlePeerConnection})`);
      await guest.event('Reconnected', '', 30_000);
      await bob.sees(ada, { frames: 20 });
      const after = await bob.received(ada, 'Camera');
      const hears = await bob.received(ada, 'Microphone');
      check(after.freezeCount === before.freezeCount, `the picture froze ${after.freezeCount - before.freezeCount} times`);
      const concealed = (hears.concealedSamples - heard.concealedSamples) / 48_000;
      check(concealed < 0.2, `${concealed} s of sound were made up`);
      notes.push(`${Math.round(took)}`);
    }
    await Promise.all([ada.leave(), bob.leave()]);
  }
  await stage.empty();
  await reach('nothing is left', async () => [true, '']);
  return `signal back after ${notes.join(', ')} ms`;
}

/** Breaks the WebSocket as a network does and waits for the next to be accepted. */
function lose() {
  drive.events.length = 0;
  const engine = drive.room.engine;
  const began = performance.now();
  return new Promise((resolve) => {
    engine.once('signalResumed', () => resolve(performance.now() - began));
    void drive.room.simulateScenario('signal-reconnect');
  });
}
