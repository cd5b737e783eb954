// End-to-end encryption: two who share a key see and hear each other through a server that cannot; a third with another key does not.
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const ada = await sealed(stage, 'ada', 'our secret', { singlePeerConnection: true });
  const bob = await sealed(stage, 'bob', 'our secret', { singlePeerConnection: false });
  const eve = await sealed(stage, 'eve', 'another secret', {});
  for (const guest of [ada, bob]) {
    await guest.camera();
    await guest.microphone();
  }
  for (const [viewer, shown] of [[ada, bob], [bob, ada]]) {
    await viewer.sees(shown, { width: 640, ms: 30_000 });
    await viewer.hears(shown, 30_000);
    const secret = await viewer.drive((name) => drive.remote(name, 'Camera').isEncrypted, shown.identity);
    check(secret, `${viewer.identity} does not take ${shown.identity}'s picture for encrypted`);
  }
  await reach('eve gets packets', async () => {
    const got = await eve.received(ada, 'Camera');
    return [got && got.packetsReceived > 50, got];
  });
  const got = await eve.received(ada, 'Camera');
  check(got.framesDecoded === 0, `eve decodes ${got.framesDecoded} frames with another key`);
  await Promise.all([ada, bob, eve].map((guest) => guest.leave()));
  await stage.empty();
}

/** A page that has joined and seals what it sends with `key`. */
async function sealed(stage, identity, key, options) {
  const guest = await stage.guest(identity);
  const token = await stage.token(identity);
  await guest.drive(async ([url, token, key, options]) => {
    const keyProvider = new LivekitClient.ExternalE2EEKeyProvider();
    await keyProvider.setKey(key);
    const worker = new Worker('/livekit-client.e2ee.worker.js');
    await drive.join(url, token, { ...options, e2ee: { keyProvider, worker } });
    await drive.room.setE2EEEnabled(true);
  }, [stage.url, token, key, options]);
  return guest;
}
