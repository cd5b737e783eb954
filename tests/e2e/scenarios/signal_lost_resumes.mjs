// A broken WebSocket is mended by a resume: the picture goes on and nobody is told of a departure. In both modes.
import { check } from '../lib/check.mjs';

export default async function (stage) {
  for (const singlePeerConnection of [true, false]) {
    const room = `river-${singlePeerConnection}`;
    const [ada, bob] = [await stage.joined('ada', { room, singlePeerConnection }), await stage.joined('bob', { room, singlePeerConnection })];
    await ada.camera();
    await bob.sees(ada);
    for (const guest of [ada, bob]) {
      await guest.drive(() => (drive.events.length = 0));
      await guest.drive(() => drive.room.simulateScenario('signal-reconnect'));
      await guest.event('Reconnected', '', 30_000);
    }
    await bob.sees(ada, { frames: 30 });
    const events = [...(await ada.events()), ...(await bob.events())];
    check(!events.some(([, name]) => name.startsWith('Participant')), `a resume was seen as coming and going: ${JSON.stringify(events)}`);
    await Promise.all([ada.leave(), bob.leave()]);
  }
  await stage.empty();
}
