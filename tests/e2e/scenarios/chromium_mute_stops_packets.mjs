// A muted camera costs the receiver nothing: the bytes stand still until it is unmuted.
import { until } from '../lib/check.mjs';

/** Looks in a row, 100 ms apart, without a new packet that count as silence. */
const LOOKS = 15;

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await bob.sees(ada);
  await ada.drive(() => drive.room.localParticipant.setCameraEnabled(false));
  let [last, still] = [-1, 0];
  await until('packets of the muted camera stop', async () => {
    const { packetsReceived } = await bob.received(ada, 'Camera');
    still = packetsReceived === last ? still + 1 : 0;
    last = packetsReceived;
    return still >= LOOKS;
  });
  await ada.drive(() => drive.room.localParticipant.setCameraEnabled(true));
  await bob.sees(ada);
}
