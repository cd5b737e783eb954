import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from 'livekit-client';
import { ThalwegError } from '../dist/error.js';
import { Session } from '../dist/session.js';

/** A room without a network. */
class Room {
  state = 'disconnected';
  connects = 0;
  failures = [];
  #listeners = {};

  on(event, listener) {
    (this.#listeners[event] ??= []).push(listener);
  }

  async connect() {
    this.connects += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.state = 'connected';
  }

  async disconnect() {
    this.lose(DisconnectReason.CLIENT_INITIATED);
  }

  emit(event, given) {
    for (const listener of this.#listeners[event] ?? []) listener(given);
  }

  lose(reason) {
    this.state = 'disconnected';
    this.emit('disconnected', reason);
  }
}

/** A session whose port does as it is told; `log` has what it was asked. */
function made(port = {}) {
  const [room, log, refusals] = [new Room(), [], []];
  const session = new Session(room, {
    pass: async () => {
      const refusal = refusals.shift();
      if (refusal) throw new ThalwegError(refusal, refusal);
      return { url: 'ws://x', token: 't' };
    },
    curtain: () => new Promise((resolve) => (room.raise = resolve)),
    connected: (again) => log.push(again ? 'again' : 'in'),
    disconnected: (over) => log.push(over ? 'over' : 'broken'),
    whySentOut: async () => 'removed',
    ...port,
  });
  const states = [];
  session.state.subscribe(({ status, why, fault }) => states.push([status, why, fault?.code].filter(Boolean).join(' ')));
  return { room, log, refusals, session, states };
}

const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};

test('joined once, and refused in words the second time, also while on the way', async () => {
  const { session, states } = made();
  const first = session.join(false);
  await assert.rejects(session.join(false), { code: 'already_joined' });
  await first;
  await assert.rejects(session.join(false), { code: 'already_joined' });
  await session.leave();
  await session.join(false);
  assert.deepEqual(states, ['joining', 'joined', 'left left', 'joining', 'joined']);
});

test('what LiveKit gives up is made anew, and devices are told', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { room, session, states, log, refusals } = made();
  await session.join(false);
  refusals.push('unreachable', 'unavailable');
  room.lose(DisconnectReason.SIGNAL_CLOSE);
  await turns();
  for (let pause = 0; pause < 2; pause += 1) {
    t.mock.timers.tick(15_000);
    await turns();
  }
  assert.deepEqual(states, ['joining', 'joined', 'reconnecting interrupted', 'joined']);
  assert.deepEqual(log, ['in', 'broken', 'again']);
});

test('a way back that is shut is the end, with its reason', async () => {
  for (const [code, why, fault] of [['call_ended', 'ended', 'ended'], ['blocked', 'removed', 'removed'], ['token_revoked', 'session', 'session']]) {
    const { room, session, states, refusals } = made();
    await session.join(false);
    refusals.push(code);
    room.lose(undefined);
    await turns();
    assert.equal(states.at(-1), `left ${why} ${fault}`);
  }
});

test('after five minutes it is lost', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { room, session, states, refusals } = made();
  await session.join(false);
  refusals.push(...Array(100).fill('unreachable'));
  room.lose(undefined);
  for (let second = 0; second < 320; second += 5) {
    await turns();
    t.mock.timers.tick(5000);
  }
  await turns();
  assert.equal(states.at(-1), 'left lost lost');
});

test('who is sent out hears why, and is not let back by itself', async () => {
  for (const [reason, why, end] of [
    [DisconnectReason.PARTICIPANT_REMOVED, 'removed', 'left removed removed'],
    [DisconnectReason.ROOM_DELETED, 'ended', 'left ended ended'],
    [DisconnectReason.PARTICIPANT_REMOVED, 'backstage', 'left backstage backstage'],
    [DisconnectReason.DUPLICATE_IDENTITY, 'removed', 'left replaced replaced'],
  ]) {
    const { room, session, states, log } = made({ whySentOut: async () => why });
    await session.join(false);
    room.lose(reason);
    await turns();
    assert.equal(states.at(-1), end);
    assert.equal(room.connects, 1);
    assert.equal(log.at(-1), 'over');
  }
});

test('with wait one comes in when the curtain rises, and again after it fell', async () => {
  const { room, session, states, refusals } = made({ whySentOut: async () => 'backstage' });
  refusals.push('call_not_live');
  const joined = session.join(true);
  await turns();
  assert.equal(states.at(-1), 'waiting backstage');
  room.raise();
  await joined;
  refusals.push('call_not_live');
  room.lose(DisconnectReason.PARTICIPANT_REMOVED);
  await turns();
  assert.equal(states.at(-1), 'waiting backstage');
  room.raise();
  await turns();
  assert.equal(states.at(-1), 'joined');
  const { session: other, refusals: others } = made();
  others.push('call_not_live');
  await assert.rejects(other.join(false), { code: 'call_not_live' });
});

test('a door that shuts between two answers is asked about again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { room, session, states, refusals } = made();
  room.failures.push(ConnectionError.notAllowed('the call is over', 403));
  refusals.push(undefined, 'call_ended');
  const joined = assert.rejects(session.join(false), { code: 'call_ended' });
  await turns();
  t.mock.timers.tick(2000);
  await joined;
  assert.equal(states.at(-1), 'left ended ended');
});

test('a call that ends while media comes up is told as ended', async () => {
  const { room, session, states, refusals } = made();
  room.failures.push(new Error('could not establish pc connection'));
  refusals.push(undefined, 'call_ended');
  await assert.rejects(session.join(false), { code: 'call_ended' });
  assert.equal(states.at(-1), 'left ended ended');
});

test('a media server that cannot be reached is told as such', async () => {
  const { room, session, states } = made();
  room.failures.push(ConnectionError.timeout('too slow'));
  await assert.rejects(session.join(false), { code: 'media' });
  assert.equal(states.at(-1), 'left lost unreachable');
  assert.equal(ConnectionErrorReason.Timeout, 5);
});

test('leaving on the way in calls it off', async () => {
  let stopped = false;
  const { session, states } = made({
    pass: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => {
      stopped = true;
      reject(new ThalwegError('cancelled', ''));
    })),
  });
  const joined = assert.rejects(session.join(false), { code: 'cancelled' });
  await session.leave();
  await joined;
  assert.ok(stopped);
  assert.deepEqual(states, ['joining', 'left left']);
});

test('the browser\'s word that it is offline is shown at once, and taken back', async () => {
  const listeners = {};
  globalThis.addEventListener = (name, listener) => void (listeners[name] = listener);
  globalThis.removeEventListener = (name) => delete listeners[name];
  const { session, states, log } = made();
  await session.join(false);
  listeners.offline();
  listeners.online();
  assert.deepEqual(states, ['joining', 'joined', 'reconnecting interrupted', 'joined']);
  assert.deepEqual(log, ['in', 'again']);
  await session.close();
  assert.deepEqual(listeners, {});
  delete globalThis.addEventListener;
  delete globalThis.removeEventListener;
});
