// Many who watch a livestream and listen to its events.
import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { promisify } from 'node:util';
import { Calls, token } from './calls.mjs';
import { brief, check, reach } from './check.mjs';

const CALL = 'livestream:show';
const SHOW = '/calls/livestream/show';
/** A pong without a word, masked with zeros (RFC 6455 section 5.2). */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** Connections for events, every other one a WebSocket and the rest streams of server-sent events. */
class Audience {
  /** The names of the events that each heard, in order. */
  heard = [];
  /** How many connections ended before they were closed from here. */
  lost = 0;
  #sockets = [];

  static async gather(http, count) {
    const audience = new Audience();
    await Promise.all(Array.from({ length: count }, (_, index) => audience.#enter(http, index)));
    return audience;
  }

  #enter(http, index) {
    const url = `${http}/api/v1/events?calls=${CALL}&token=${token({ sub: `ear-${index}`, role: 'viewer' })}`;
    const hear = (text) => this.heard[index].push(JSON.parse(text).event);
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    this.heard[index] = [];
    return new Promise((resolve, reject) => {
      const asked = get(url, { agent: false, headers: index % 2 === 0 ? upgrade : {} });
      asked.on('error', reject);
      asked.on('upgrade', (_, socket, head) => {
        readFrames(socket, head, hear);
        resolve(this.#keep(socket));
      });
      asked.on('response', (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`GET /events: ${answer.statusCode}`));
        readStream(answer, hear);
        return resolve(this.#keep(answer.socket));
      });
    });
  }

  #keep(socket) {
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => (this.lost += this.closed ? 0 : 1));
  }

  /** Waits until everybody has heard an event, each once. */
  async all(name) {
    const times = (heard) => heard.filter((each) => each === name).length;
    await reach(`${this.heard.length} hear ${name}`, async () => {
      const deaf = this.heard.filter((heard) => times(heard) === 0).length;
      return [deaf === 0, `${deaf} did not`];
    });
    const twice = this.heard.filter((heard) => times(heard) > 1).length;
    check(twice === 0, `${twice} heard ${name} more than once`);
  }

  close() {
    this.closed = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

function readStream(answer, hear) {
  let pending = '';
  answer.setEncoding('utf8').on('data', (text) => {
    const parts = (pending + text).split('\n\n');
    pending = parts.pop();
    for (const part of parts) if (part.startsWith('data: ')) hear(part.slice(6));
  });
}

/** Whole frames of up to 65,535 bytes, as the server sends them. */
function readFrames(socket, head, hear) {
  let pending = head;
  const read = (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    for (;;) {
      if (pending.length < 2) return;
      const long = (pending[1] & 0x7f) === 126;
      const start = long ? 4 : 2;
      if (pending.length < start) return;
      const end = start + (long ? pending.readUInt16BE(2) : pending[1] & 0x7f);
      if (pending.length < end) return;
      const opcode = pending[0] & 0x0f;
      if (opcode === 1) hear(pending.subarray(start, end).toString());
      if (opcode === 9) socket.write(PONG);
      pending = pending.subarray(end);
    }
  };
  socket.on('data', read);
  read(Buffer.alloc(0));
}

/** Plays a livestream to `viewers` simulated viewers and to as many who listen to events, each of whom hears everything once. */
export async function livestream(stage, { viewers, seconds }) {
  const calls = new Calls(stage.http);
  const host = token({ sub: 'hana' });
  await calls.post(SHOW, calls.server, { created_by: 'hana' });
  const audience = await Audience.gather(stage.http, viewers);
  stage.atEnd(() => audience.close());
  await calls.post(`${SHOW}/go-live`, host);
  await audience.all('call_live_started');

  const watching = watch(stage, viewers, seconds);
  await reach('all viewers are there', async () => {
    const { participants } = (await calls.ask('GET', SHOW, host)).body.call;
    return [participants === viewers + 1, participants];
  }, 60_000);
  await calls.post(`${SHOW}/reactions`, host, { reaction: 'heart' });
  await calls.post(`${SHOW}/messages`, host, { text: 'hello all' });
  await audience.all('call_reaction');
  await audience.all('call_message');
  const report = await watching;
  check(report.ready === viewers + 1 && report.failed === 0, `the load tester: ${brief(report)}`);

  await calls.post(`${SHOW}/stop-live`, host);
  await audience.all('call_live_ended');
  await calls.post(`${SHOW}/end`, host);
  await audience.all('call_ended');
  check(audience.heard.every((heard) => heard.includes('call_participants')), 'somebody was not told how many are there');
  check(audience.lost === 0, `${audience.lost} listeners were cut off`);
  audience.close();
  await stage.empty();
  return `${viewers} viewers and listeners, ${report.lost ?? 0} packets lost`;
}

async function watch(stage, viewers, seconds) {
  const flags = ['--rooms', CALL, '--duration', `${seconds}s`, '--warmup', '1s', '--joins', '100', '--bitrate', '200000'];
  const more = ['--url', stage.url, '--json', '-', '--quiet'];
  const most = { maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(process.env.THALWEG_BIN, ['load', `livestream:${viewers}`, ...flags, ...more], most);
  return JSON.parse(stdout);
}
