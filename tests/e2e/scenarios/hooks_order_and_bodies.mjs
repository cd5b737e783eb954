// A room's whole life as its back end hears of it: LiveKit's receiver verifies every webhook, the order is that of the events.
import { dispose } from '@livekit/rtc-node';
import { check, until } from '../lib/check.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { Server } from '../lib/server.mjs';
import { Voice } from '../lib/voice.mjs';

export default async function (stage) {
  const receiver = await Receiver.start(stage);
  const server = await Server.start({ log: `${process.env.THALWEG_LOG}.own`, flags: ['--webhook.urls', receiver.url] });
  stage.atEnd(() => server.stop());
  const url = `ws://127.0.0.1:${server.port}`;
  const ada = await Voice.join(url, await stage.token('ada'));
  await receiver.event('participant_joined');
  await ada.sing();
  await receiver.event('live_started');
  await ada.hush();
  await receiver.event('track_unpublished');
  await ada.leave();
  const finished = await receiver.event('room_finished');
  const wanted = ['room_started', 'participant_joined', 'track_published', 'live_started', 'track_unpublished', 'participant_left', 'live_ended', 'room_finished'];
  check(receiver.names().join() === wanted.join(), `the order is ${receiver.names()}`);
  check(new Set(receiver.taken.map((event) => event.id)).size === wanted.length, 'an id came twice');
  check(receiver.taken.every((event) => event.room.sid === finished.room.sid && event.raw.id.startsWith('EV_')), 'another room or id');

  const [started, joined, published, live, , left] = receiver.taken;
  check(started.room.creationTime > 0n && started.raw.room.creationTime === String(started.room.creationTime), `room_started: ${JSON.stringify(started.raw)}`);
  check(joined.participant.identity === 'ada' && joined.raw.participant.state === 'ACTIVE' && joined.room.numParticipants === 1, `participant_joined: ${JSON.stringify(joined.raw)}`);
  check(Object.keys(published.raw.room).sort().join() === 'name,sid' && Object.keys(published.raw.participant).sort().join() === 'identity,sid', `track_published: ${JSON.stringify(published.raw)}`);
  check(published.track.sid.startsWith('TR_') && published.raw.track.source === 'MICROPHONE' && /^audio\/(opus|red)$/.test(published.raw.track.mimeType), `track_published: ${JSON.stringify(published.raw.track)}`);
  check(live.participant.identity === 'ada' && live.room.name === 'river', `live_started: ${JSON.stringify(live.raw)}`);
  check(left.raw.participant.state === 'DISCONNECTED' && left.raw.participant.disconnectReason === 'CLIENT_INITIATED', `participant_left: ${JSON.stringify(left.raw)}`);

  const metrics = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  await until('the metrics count them', async () => (await metrics()).includes(`\nthalweg_hooks_delivered_total ${wanted.length}\n`));
  check((await metrics()).includes('\nthalweg_hooks_waiting 0\n'), 'something waits');
  await dispose();
}
