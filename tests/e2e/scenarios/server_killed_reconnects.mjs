// A server that dies without a word: pages notice and come back when it runs again on its ports.
// deadline: 180
import { until } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

export default async function (stage) {
  const log = `${process.env.THALWEG_LOG}.own`;
  let server = await Server.start({ log });
  stage.atEnd(() => server.stop());
  stage.url = `ws://127.0.0.1:${server.port}`;
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await bob.sees(ada);
  const { port, udp } = server;
  server.child.kill('SIGKILL');
  await server.ended;
  server = await Server.start({ log, port, udp });
  for (const guest of [ada, bob]) await guest.event('Reconnected', '', 60_000);
  for (const guest of [ada, bob]) await until(`${guest.identity} is connected`, async () => (await guest.state()) === 'connected');
  await bob.sees(ada, { ms: 30_000 });
}
