// Firefox, Chromium and the Python SDK in one call with unmodified LiveKit clients: pictures in two sizes, sounds and data all ways,
// mute, a lost WebSocket and a full reconnect of Firefox. deadline: 120
import { check, reach, until } from '../lib/check.mjs';

/** What the microphone that Firefox fakes sounds like. */
const FAKE_HERTZ = 1000;

export default async function (stage) {
  const [fox, ada] = await Promise.all([stage.guest('fox', { firefox: true }), stage.guest('ada')]);
  await Promise.all([fox.join(), ada.join()]);
  const bot = stage.python('bot.py', ['snake', 520, 'fox', FAKE_HERTZ]);
  await Promise.all([fox.drive(() => drive.bars({ options: { simulcast: true, videoCodec: 'vp8' } })), fox.microphone(), ada.camera(), ada.microphone()]);
  await Promise.all([
    fox.sees('snake', { width: 640 }), fox.sees(ada, { width: 640 }), fox.hears(ada), fox.hears('snake'),
    ada.sees(fox, { width: 640 }), ada.hears(fox),
  ]);
  await reach('Python sees and hears Firefox', async () => [['saw', 'heard'].every((word) => bot.lines.some((line) => line[word])), bot.lines]);
  for (const source of ['Camera', 'Microphone']) {
    fox.sealed(await fox.received(ada, source));
    ada.sealed(await ada.received(fox, source));
  }
  await Promise.all([sizes(fox, ada), data(fox, ada)]);
  await mute(fox, ada);
  const notes = [await mended(fox, ada, 'signal-reconnect'), await mended(fox, ada, 'full-reconnect')];
  bot.child.stdin.end();
  await fox.event('ParticipantDisconnected', 'snake');
  await fox.leave();
  await ada.event('ParticipantDisconnected', 'fox');
  await ada.leave();
  await stage.empty();
  return notes.join(', ');
}

/** Firefox sends two sizes by RID; which one comes is the viewer's choice. */
async function sizes(fox, ada) {
  await ada.drive(() => drive.remote('fox', 'Camera').setVideoQuality(LivekitClient.VideoQuality.LOW));
  await ada.sees(fox, { width: 320, frames: 5 });
  await ada.drive(() => drive.remote('fox', 'Camera').setVideoQuality(LivekitClient.VideoQuality.HIGH));
  await ada.sees(fox, { width: 640, frames: 5 });
}

/** A packet that may be lost, one that may not, and a text in pieces, each way. */
async function data(fox, ada) {
  for (const [from, to] of [[fox, ada], [ada, fox]]) {
    await to.drive(() => drive.room.registerTextStreamHandler('long', async (reader) => drive.data.push({ text: (await reader.readAll()).length })));
    await from.drive(async () => {
      const me = drive.room.localParticipant;
      for (const reliable of [true, false]) await me.publishData(new TextEncoder().encode(`${reliable}`), { reliable, topic: 'short' });
      await me.sendText('x'.repeat(100_000), { topic: 'long' });
    });
    await reach(`${to.identity} gets what ${from.identity} says`, async () => {
      const got = await to.drive(() => drive.data);
      const short = [true, false].every((reliable) => got.some((it) => it.text === `${reliable}` && it.reliable === reliable && it.from === from.identity));
      return [short && got.some((it) => it.text === 100_000), got];
    });
  }
}

async function mute(fox, ada) {
  const shown = (muted) => until(`ada sees fox's picture ${muted ? 'muted' : 'on'}`, async () => (await ada.drive(() => drive.remote('fox', 'Camera').isMuted)) === muted);
  await fox.drive(() => drive.room.localParticipant.getTrackPublication('camera').mute());
  await shown(true);
  await fox.drive(() => drive.room.localParticipant.getTrackPublication('camera').unmute());
  await shown(false);
  await ada.sees(fox, { frames: 5 });
}

/** Breaks Firefox's connection; all goes on by itself, both ways. */
async function mended(fox, ada, fault) {
  await fox.drive(() => void (drive.events.length = 0));
  const began = Date.now();
  await fox.drive((fault) => void drive.room.simulateScenario(fault), fault);
  await fox.event('Reconnected', '', 30_000);
  const took = ((Date.now() - began) / 1000).toFixed(1);
  await Promise.all([fox.sees(ada, { frames: 10 }), ada.sees(fox, { frames: 10 }), fox.hears(ada), ada.hears(fox)]);
  return `${fault} ${took} s`;
}
