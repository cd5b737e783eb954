// Quality is excellent at first, worse when the publisher's packets are lost, and better again afterwards; both sides see it.
import { reach } from '../lib/check.mjs';
import { detour, lossy } from '../lib/lossy.mjs';

export default async function (stage) {
  const relay = await lossy(stage);
  const ada = await stage.guest('ada');
  await detour(ada, relay);
  await ada.join();
  const bob = await stage.joined('bob');
  await ada.microphone();
  await bob.hears(ada);
  const own = () => ada.drive(() => drive.room.localParticipant.connectionQuality);
  const seen = () => bob.drive(() => drive.room.remoteParticipants.get('ada')?.connectionQuality);
  const all = async (wanted) => {
    const now = [await own(), await seen()];
    return [now.every((each) => wanted.includes(each)), now];
  };
  await reach('both see excellent', () => all(['excellent']));
  relay.lose(0.3);
  await reach('both see it fall', () => all(['good', 'poor']), 25_000);
  relay.lose(0);
  await reach('both see it rise', () => all(['excellent']), 25_000);
}
