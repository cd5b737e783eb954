// Quality is excellent at first, worse when the publisher's packets are lost, and better again afterwards; both sides see it.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await ada.microphone();
  await bob.sees(ada);
  const own = () => ada.drive(() => drive.room.localParticipant.connectionQuality);
  const seen = () => bob.drive(() => drive.room.remoteParticipants.get('ada')?.connectionQuality);
  const all = async (wanted) => {
    const now = [await own(), await seen()];
    return [now.every((each) => wanted.includes(each)), now];
  };
  await reach('both see excellent', () => all(['excellent']));
  const cdp = await ada.page.context().newCDPSession(ada.page);
  const network = (packetLoss) => cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1, packetLoss });
  await cdp.send('Network.enable');
  await network(30);
  await reach('both see it fall', () => all(['good', 'poor']), 25_000);
  await network(0);
  await reach('both see it rise', () => all(['excellent']), 25_000);
}
