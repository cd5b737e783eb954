// Every fault that livekit-client can simulate ends as it should: with the call going on, or with the call over.
// deadline: 240
import { check, reach, until } from '../lib/check.mjs';

/** Faults after which the client resumes or joins anew by itself. */
const MENDED = [
  'signal-reconnect', 'resume-reconnect', 'full-reconnect', 'node-failure', 'migration', 'leave-full-reconnect',
  'disconnect-signal-on-resume', 'disconnect-signal-on-resume-no-messages', 'force-tcp', 'force-tls',
];

export default async function (stage) {
  const seconds = [];
  const bob = await stage.joined('bob');
  await Promise.all([0, 1].map(async (lane) => {
    for (const fault of MENDED.filter((_, index) => index % 2 === lane)) await mend(stage, bob, fault, lane === 0, seconds);
  }));
  const eve = await stage.joined('eve');
  await eve.drive(() => drive.room.simulateScenario('speaker'));
  await reach('eve speaks', () => eve.drive(() => [drive.room.activeSpeakers.some((each) => each.identity === 'eve'), drive.room.activeSpeakers.length]));
  await reach('eve speaks no more', () => eve.drive(() => [drive.room.activeSpeakers.length === 0, drive.room.activeSpeakers.length]));
  await eve.drive(() => drive.room.simulateScenario('subscriber-bandwidth', 1_000_000));
  await eve.drive(() => drive.room.simulateScenario('server-leave'));
  await eve.event('Disconnected', 'SERVER_SHUTDOWN');
  check((await eve.state()) === 'disconnected', 'eve is still there');
  await bob.leave();
  await stage.empty();
  return seconds.join(', ');
}

/** Brings somebody into the room, breaks its connection and waits until it is heard again. */
async function mend(stage, bob, fault, singlePeerConnection, seconds) {
  const ada = await stage.joined(`ada-${fault}`, { singlePeerConnection, connect: { autoSubscribe: false } });
  await ada.microphone();
  await bob.hears(ada, 40_000);
  await ada.drive(() => (drive.events.length = 0));
  await ada.drive((fault) => drive.room.simulateScenario(fault), fault);
  const began = Date.now();
  await ada.event('Reconnected', '', 60_000);
  seconds.push(`${fault} ${((Date.now() - began) / 1000).toFixed(1)}`);
  await until(`${ada.identity} is connected`, async () => (await ada.state()) === 'connected');
  await bob.hears(ada, 40_000);
  const protocol = await ada.drive(() => drive.protocol());
  check(protocol === 'tcp' || !fault.startsWith('force-'), `after ${fault} ${ada.identity} sends by "${protocol}"`);
  await ada.leave();
  await ada.page.close();
}
