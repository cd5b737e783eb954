// Someone who comes late sees a running camera soon, without a word from the publisher.
import { check } from '../lib/check.mjs';

/** From the call of `connect` to the tenth decoded frame, in milliseconds, on a loaded machine. */
const LATE_MS_MAX = 6000;

export default async function (stage) {
  const ada = await stage.joined('ada');
  await ada.camera();
  await ada.microphone();
  const first = await stage.joined('bob');
  await first.sees(ada, { frames: 30 });
  const late = await stage.guest('cid');
  const started = Date.now();
  await late.join();
  await late.sees(ada, { frames: 10 });
  const took = Date.now() - started;
  check(took <= LATE_MS_MAX, `ten frames took ${took} ms, limit ${LATE_MS_MAX}`);
  await late.hears(ada);
  return `ten frames ${took} ms after connect`;
}
