// Two browsers see and hear each other with one codec in one mode of peer connections.
import { check, reach } from './check.mjs';

/** A freeze on a shared machine is the machine's; longer than this in the measured seconds is the server's. Seconds. */
const FREEZE_SECONDS_MAX = 0.5;
/** Concealed sound, as a part of all, in the measured seconds. */
const CONCEALED_MAX = 0.08;

export async function codecCall(stage, videoCodec, singlePeerConnection) {
  const [ada, bob] = [await stage.guest('ada'), await stage.guest('bob')];
  for (const guest of [ada, bob]) {
    await guest.join({ singlePeerConnection });
    await guest.camera({ videoCodec, backupCodec: false });
    await guest.microphone();
  }
  const both = [[ada, bob], [bob, ada]];
  for (const [viewer, shown] of both) {
    const seen = await viewer.sees(shown, { width: 640, ms: 30_000 });
    check(seen.frameHeight === 360, `height ${seen.frameHeight}, wanted 360`);
    check(seen.codec.toLowerCase() === `video/${videoCodec}`, `codec ${seen.codec}, wanted video/${videoCodec}`);
    viewer.sealed(seen);
    viewer.sealed(await viewer.hears(shown));
  }
  const notes = await Promise.all(both.map(([viewer, shown]) => steady(viewer, shown)));
  await Promise.all([ada.leave(), bob.leave()]);
  await stage.empty();
  return notes.join('; ');
}

/** Once it flows, sixty frames must come without a freeze and sound without gaps. */
async function steady(viewer, shown) {
  const [picture, sound] = [await viewer.received(shown, 'Camera'), await viewer.received(shown, 'Microphone')];
  const after = await viewer.sees(shown, { frames: 60, ms: 30_000 });
  const heard = await reach(`${viewer.identity} goes on hearing ${shown.identity}`, async () => {
    const now = await viewer.received(shown, 'Microphone');
    return [now.totalSamplesReceived > sound.totalSamplesReceived + 96_000, now];
  });
  const frozen = after.totalFreezesDuration - picture.totalFreezesDuration;
  check(frozen <= FREEZE_SECONDS_MAX, `${viewer.identity}: picture froze for ${frozen.toFixed(2)} s`);
  const concealed = (heard.concealedSamples - sound.concealedSamples) / (heard.totalSamplesReceived - sound.totalSamplesReceived);
  check(concealed <= CONCEALED_MAX, `${viewer.identity}: ${(concealed * 100).toFixed(1)} % of the sound was concealed`);
  const [row] = await shown.sent('Camera');
  check(row.qualityLimitationReason !== 'bandwidth', `${shown.identity} holds ${JSON.stringify(row)} back for want of bandwidth on loopback`);
  return `${viewer.identity} froze ${frozen.toFixed(2)} s, lost ${after.packetsLost}, concealed ${(concealed * 100).toFixed(1)} %`;
}
