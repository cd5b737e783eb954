// A bad network between a page and the server's media port: a relay on loopback that loses what the page sends.
import { createSocket } from 'node:dgram';

/** Starts a relay to the server's media port. `lose(part)` sets the part of the page's datagrams that is lost, 0 to 1;
 * at 1 nothing comes back either. */
export async function lossy(stage) {
  let part = 0;
  /** The socket toward the server of each of the page's addresses. */
  const ways = new Map();
  const front = await bound(createSocket('udp4'));
  front.on('message', async (bytes, from) => {
    const key = `${from.address}:${from.port}`;
    if (!ways.has(key)) {
      ways.set(key, bound(createSocket('udp4')).then((way) => way.on('message', (answer) => part < 1 && front.send(answer, from.port, from.address))));
    }
    const way = await ways.get(key);
    if (Math.random() >= part) way.send(bytes, stage.udp, '127.0.0.1');
  });
  stage.atEnd(async () => {
    front.close();
    for (const way of ways.values()) (await way).close();
  });
  return { port: front.address().port, lose: (lost) => void (part = lost) };
}

/** Sends a page, before it joins, to the relay: of the server's addresses it learns only that, in place of the first. */
export async function detour(guest, relay) {
  await guest.drive((relay) => {
    const way = `127.0.0.1 ${relay} typ host`;
    const turned = (line) => line.replace(/(candidate:\S+ \d+ udp \d+) 127\.0\.0\.1 \d+ typ host/i, `$1 ${way}`);
    const leads = (line) => !line.includes('candidate:') || line.includes(way);
    const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
      return setRemoteDescription.call(this, { type, sdp: sdp.split('\r\n').map(turned).filter(leads).join('\r\n') });
    };
    RTCPeerConnection.prototype.addIceCandidate = function (given) {
      const candidate = turned(given?.candidate ?? '');
      return leads(candidate) ? addIceCandidate.call(this, given && { ...given, candidate }) : Promise.resolve();
    };
  }, relay.port);
}

function bound(socket) {
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}
