// What was not delivered when the server was killed is delivered after its restart, in order; a dead receiver delays no other.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose } from '@livekit/rtc-node';
import { check, until } from '../lib/check.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { Server } from '../lib/server.mjs';
import { Voice } from '../lib/voice.mjs';

const EVENTS = ['room_started', 'participant_joined', 'track_published', 'live_started'];

export default async function (stage) {
  const folder = mkdtempSync(join(tmpdir(), 'thalweg-hooks-'));
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  let broken = true;
  const sick = await Receiver.start(stage, () => (broken ? 503 : 200));
  const sound = await Receiver.start(stage);
  const flags = ['--store.path', folder, '--webhook.urls', `${sick.url},${sound.url}`];
  const log = `${process.env.THALWEG_LOG}.own`;
  let server = await Server.start({ log, flags });
  stage.atEnd(() => server.stop());
  const ada = await Voice.join(`ws://127.0.0.1:${server.port}`, await stage.token('ada'));
  await ada.sing();
  await sound.event('live_started');
  check(sound.names().join() === EVENTS.join(), `the sound receiver got ${sound.names()}`);
  await until('the sick one was asked', () => sick.seen.length > 0);
  check(sick.seen.every((each) => each.name === 'room_started'), `the sick one got ${JSON.stringify(sick.seen)}`);

  const { port, udp } = server;
  server.child.kill('SIGKILL');
  await server.ended;
  await ada.leave();
  broken = false;
  server = await Server.start({ log, port, udp, flags });
  await sick.event('live_started');
  check(sick.names().join() === EVENTS.join(), `after the restart the order is ${sick.names()}`);
  const ids = (receiver) => receiver.taken.slice(0, EVENTS.length).map((event) => event.id).join();
  check(ids(sick) === ids(sound), 'the two receivers got different events');
  check(sound.taken.length === EVENTS.length, `the sound one got something twice: ${sound.names()}`);
  await dispose();
}
