import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { ThalwegError } from '../dist/error.js';
import { Emitter } from '../dist/observable.js';
import { EventSocket } from '../dist/socket.js';

/** WebSockets that were opened, in order; each test is the server at their other end. */
let lines = [];

class Line extends EventTarget {
  static OPEN = 1;
  static CLOSED = 3;
  readyState = 0;
  said = [];

  constructor(url) {
    super();
    this.url = new URL(url);
    lines.push(this);
  }

  send(text) {
    const wish = JSON.parse(text);
    this.said.push(wish);
    if (!this.mute) queueMicrotask(() => this.tell({ event: 'ok' }));
  }

  accept() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  tell(event) {
    if (this.readyState === 1) this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(event) }));
  }

  close(code = 1000) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

const kept = {};
beforeEach(() => {
  lines = [];
  Object.assign(kept, { WebSocket: globalThis.WebSocket, CloseEvent: globalThis.CloseEvent });
  globalThis.WebSocket = Line;
  globalThis.CloseEvent = class extends Event {
    constructor(name, { code }) {
      super(name);
      this.code = code;
    }
  };
});
afterEach(() => Object.assign(globalThis, kept));

/** A keeper of tokens that are counted. */
function keeper() {
  const events = new Emitter();
  let count = 1;
  return {
    events, renewable: true,
    current: async () => `token-${count}`,
    renew: async () => {
      count += 1;
      events.emit('renewed', `token-${count}`);
      return `token-${count}`;
    },
  };
}

const turns = async (count = 30) => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};
const event = (id) => ({ event: 'call_custom', id });

function made(t, tokens = keeper(), probe = async () => undefined) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const socket = new EventSocket('https://x', tokens, probe);
  const heard = [];
  socket.events.on('event', ({ id }) => heard.push(id));
  socket.events.on('back', () => heard.push('back'));
  socket.events.on('refused', ({ code }) => heard.push(code));
  return { socket, tokens, heard };
}

test('a new token takes over without a gap: what comes by both is told once', async (t) => {
  const { socket, tokens, heard } = made(t);
  socket.watch('default:one');
  await turns();
  assert.equal(lines[0].url.href, 'wss://x/api/v1/events?token=token-1');
  lines[0].accept();
  await turns();
  assert.deepEqual(lines[0].said, [{ watch: ['default:one'] }]);
  lines[0].tell(event('a'));
  await tokens.renew();
  await turns();
  lines[1].accept();
  lines[0].tell(event('b'));
  await turns();
  assert.equal(lines[1].url.searchParams.get('token'), 'token-2');
  assert.deepEqual(lines[1].said, [{ watch: ['default:one'] }]);
  lines[1].tell(event('c'));
  // Still on its way over the first.
  for (const id of ['b', 'c', 'd']) lines[0].tell(event(id));
  t.mock.timers.tick(2000);
  await turns();
  assert.equal(lines[0].readyState, 3);
  lines[1].tell(event('e'));
  assert.deepEqual(heard, ['a', 'b', 'c', 'd', 'e']);
  assert.equal(socket.state.value, 'open');
  socket.close();
});

test('a connection that breaks comes back, watches again and says that something may have been missed', async (t) => {
  const { socket, heard } = made(t);
  const forget = socket.watch('default:one');
  socket.watch('default:two');
  await turns();
  lines[0].accept();
  await turns();
  forget();
  assert.deepEqual(lines[0].said.at(-1), { unwatch: ['default:one'] });
  lines[0].close(1006);
  await turns();
  assert.equal(socket.state.value, 'waiting');
  t.mock.timers.tick(1000);
  await turns();
  lines[1].accept();
  await turns();
  assert.deepEqual([lines[1].said, heard], [[{ watch: ['default:two'] }], ['back']]);
  socket.close();
  assert.equal(socket.state.value, 'closed');
});

test('a connection over which nothing comes any more is given up', async (t) => {
  const { socket } = made(t);
  socket.open();
  await turns();
  lines[0].accept();
  await turns();
  lines[0].mute = true;
  t.mock.timers.tick(11_000);
  assert.deepEqual(lines[0].said, [{}]);
  t.mock.timers.tick(6000);
  await turns();
  assert.equal(socket.state.value, 'waiting');
  socket.close();
});

test('a token that ended is renewed for the next connection', async (t) => {
  const { socket } = made(t);
  socket.open();
  await turns();
  lines[0].accept();
  await turns();
  lines[0].close(4401);
  await turns();
  t.mock.timers.tick(1000);
  await turns();
  assert.equal(lines.at(-1).url.searchParams.get('token'), 'token-2');
  socket.close();
});

test('a void token that cannot be renewed is told, and not tried for ever', async (t) => {
  const tokens = { ...keeper(), renewable: false };
  const { socket, heard } = made(t, tokens, async () => {
    throw new ThalwegError('token_revoked', '');
  });
  socket.open();
  await turns();
  lines[0].close(1006);
  await turns();
  assert.deepEqual(heard, ['token_revoked']);
  assert.equal(socket.state.value, 'closed');
  t.mock.timers.tick(60_000);
  await turns();
  assert.equal(lines.length, 1);
});
