// Muting stops the packets and is told to the others; unmuting brings picture and sound back.
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await ada.microphone();
  await bob.sees(ada);
  await bob.hears(ada);
  for (const [source, set] of [['Camera', 'setCameraEnabled'], ['Microphone', 'setMicrophoneEnabled']]) {
    const enable = (on) => ada.drive(([set, on]) => drive.room.localParticipant[set](on), [set, on]);
    const muted = () => bob.drive((source) => drive.remote('ada', source)?.isMuted, source);
    await enable(false);
    await reach(`bob is told that ada's ${source} is muted`, async () => [(await muted()) === true, await muted()]);
    await enable(true);
    await reach(`bob is told that ada's ${source} is unmuted`, async () => [(await muted()) === false, await muted()]);
  }
  await bob.sees(ada, { width: 640 });
  await bob.hears(ada);
  const events = await bob.events();
  check(events.filter(([, name]) => name === 'TrackMuted').length === 2, `bob saw ${JSON.stringify(events)}, wanted two TrackMuted`);
  await Promise.all([ada.leave(), bob.leave()]);
  await stage.empty();
}
