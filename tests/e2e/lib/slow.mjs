// A slow link between the server's media port and a page: a relay on loopback whose way down carries a given rate and
// queues for a while, as a home router does.
import { createSocket } from 'node:dgram';

/** Starts a relay to the server's media port. `carry(kbps)` sets its rate down, 0 is endless; `dropped()` counts. */
export async function slow(stage, { kbps = 0, queueMs = 300 } = {}) {
  let [rate, free, dropped] = [kbps, 0, 0];
  const ways = new Map();
  const front = await bound(createSocket('udp4'));
  const down = (bytes, port, address) => {
    const now = performance.now();
    const leaves = Math.max(free, now) + (rate ? (bytes.length + 28) * 8 / rate : 0);
    if (leaves - now > queueMs) return void dropped++;
    free = leaves;
    const send = () => ways.size && front.send(bytes, port, address, () => {});
    if (leaves - now < 1) send();
    else setTimeout(send, leaves - now).unref();
  };
  front.on('message', async (bytes, { port, address }) => {
    const key = `${address}:${port}`;
    if (!ways.has(key)) {
      ways.set(key, bound(createSocket('udp4')).then((way) => way.on('message', (answer) => down(answer, port, address))));
    }
    (await ways.get(key)).send(bytes, stage.udp, '127.0.0.1');
  });
  stage.atEnd(async () => {
    const open = [...ways.values()];
    ways.clear();
    front.close();
    for (const way of open) (await way).close();
  });
  return { port: front.address().port, carry: (kbps) => void (rate = kbps), dropped: () => dropped };
}

function bound(socket) {
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}
