// A server that drains lets nobody in, keeps a call and takes back who lost its signal; it ends when the last has left.
import { join } from 'node:path';
import { check, until } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

export default async function (stage) {
  // The suite's own server is left alone.
  const log = join(`${process.env.THALWEG_LOG}.own`);
  const server = await Server.start({ log, flags: ['--shutdown.drain', '10m'] });
  stage.atEnd(() => server.stop());
  stage.url = `ws://127.0.0.1:${server.port}`;
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob', { singlePeerConnection: false })];
  await ada.camera();
  await bob.sees(ada);
  server.child.kill('SIGTERM');
  const token = await stage.token('cid');
  const status = async () => (await fetch(`http://127.0.0.1:${server.port}/rtc/validate?access_token=${token}`)).status;
  await until('newcomers get 503', async () => (await status()) === 503, 4000);
  await bob.drive(() => drive.room.simulateScenario('signal-reconnect'));
  await bob.event('Reconnected');
  await bob.sees(ada);
  check((await ada.state()) === 'connected', 'ada was sent away while the server drains');
  await Promise.all([ada.leave(), bob.leave()]);
  const ended = await Promise.race([server.ended, new Promise((resolve) => setTimeout(resolve, 10_000, 'late'))]);
  check(ended === 0, `the server ended with ${ended}`);
}
