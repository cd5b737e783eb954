// Who makes sound is told to the others as a speaker, and is none after muting.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.drive(() => drive.tone(440));
  const speaking = () => bob.drive(() => drive.room.remoteParticipants.get('ada')?.isSpeaking);
  await reach('bob is told that ada speaks', async () => [(await speaking()) === true, await speaking()]);
  await ada.drive(() => drive.room.localParticipant.setMicrophoneEnabled(false));
  await reach('bob is told that ada is silent', async () => [(await speaking()) === false, await speaking()]);
}
