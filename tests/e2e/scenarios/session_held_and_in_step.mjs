// A room that is made with a playout delay and in-step streams: browsers hold its pictures so long, and take one's sound and
// picture for one stream. In a room beside it neither is so.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, reach } from '../lib/check.mjs';

/** How long pictures are held at least, in milliseconds. */
const HELD_MS = 400;

export default async function (stage) {
  const rooms = new RoomServiceClient(stage.http, 'devkey', 'secret');
  await rooms.createRoom({ name: 'held', emptyTimeout: 60, syncStreams: true, minPlayoutDelay: HELD_MS, maxPlayoutDelay: 2 * HELD_MS });
  const [held, plain] = await Promise.all([watch(stage, 'held', true), watch(stage, 'plain', false)]);
  check(plain < HELD_MS / 2, `without a playout delay pictures are held for ${plain} ms`);
  return `held for ${held} ms, else ${plain} ms`;
}

/** Two in a room; gives how long the last frames waited, in milliseconds. */
async function watch(stage, room, settled) {
  const [ada, bob] = [await stage.joined(`ada-${room}`, { room }), await stage.joined(`bob-${room}`, { room })];
  await ada.camera();
  await ada.microphone();
  await bob.sees(ada);
  await bob.hears(ada);
  const streams = await bob.drive((identity) => ['Camera', 'Microphone'].map((source) => drive.remote(identity, source).track.mediaStream.id), ada.identity);
  check((streams[0] === streams[1]) === settled, `sound and picture are in the streams ${streams}`);
  let before = await delay(bob, ada);
  return reach('pictures are held as the room has it', async () => {
    const now = await delay(bob, ada);
    const frames = now.frames - before.frames;
    const ms = Math.round((1000 * (now.seconds - before.seconds)) / Math.max(1, frames));
    if (frames >= 20) before = now;
    return [frames >= 20 && (!settled || ms >= HELD_MS * 0.9), ms];
  });
}

async function delay(guest, from) {
  return guest.drive(async (identity) => {
    const report = await drive.remote(identity, 'Camera').track.getRTCStatsReport();
    const flow = [...report.values()].find((each) => each.type === 'inbound-rtp');
    return { seconds: flow.jitterBufferDelay, frames: flow.jitterBufferEmittedCount };
  }, from.identity);
}
