// A server that is stopped says so, and pages come back by themselves when it runs again on its ports.
// deadline: 150
import { join } from 'node:path';
import { until } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

export default async function (stage) {
  // The suite's own server is left alone; this scenario stops and starts another one.
  const log = join(`${process.env.THALWEG_LOG}.own`);
  let server = await Server.start({ log });
  stage.atEnd(() => server.stop());
  stage.url = `ws://127.0.0.1:${server.port}`;
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob', { singlePeerConnection: false })];
  await ada.camera();
  await bob.microphone();
  await bob.sees(ada);
  const { port, udp } = server;
  const wrong = await server.stop();
  if (wrong) throw new Error(`server with two in a call: ${wrong}`);
  for (const guest of [ada, bob]) {
    await until(`${guest.identity} is reconnecting`, async () => ['reconnecting', 'signalReconnecting'].includes(await guest.state()), 5000);
  }
  server = await Server.start({ log, port, udp });
  for (const guest of [ada, bob]) {
    await until(`${guest.identity} is back`, async () => (await guest.state()) === 'connected', 40_000);
  }
  await bob.sees(ada, { ms: 30_000 });
  await ada.hears(bob, 30_000);
}
