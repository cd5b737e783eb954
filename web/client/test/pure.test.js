import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseMs } from '../dist/backoff.js';
import { ThalwegError, isPassing, refusal } from '../dist/error.js';
import { callFault, deviceFault } from '../dist/fault.js';
import { baseOf, query, waitMs } from '../dist/http.js';
import { meant, recall, remember } from '../dist/memory.js';
import { Cell, Emitter, derived } from '../dist/observable.js';

test('pauses double up to a quarter of a minute and never fall below half', () => {
  assert.deepEqual([0, 1, 2, 5, 100].map((attempt) => pauseMs(attempt, 1)), [500, 1000, 2000, 15_000, 15_000]);
  assert.equal(pauseMs(3, 0), 2000);
});

test('each fault of a device has its words', () => {
  const named = (name) => Object.assign(new Error('x'), { name });
  for (const [kind, name, code, title] of [
    ['camera', 'NotAllowedError', 'blocked', 'Camera blocked'],
    ['microphone', 'NotFoundError', 'missing', 'No microphone found'],
    ['camera', 'NotReadableError', 'busy', 'Camera busy'],
    ['camera', 'OverconstrainedError', 'unsuitable', 'Camera not suitable'],
    ['screen', 'NotAllowedError', 'dismissed', 'Nothing was shared'],
    ['microphone', 'TypeError', 'failed', 'Microphone failed'],
  ]) {
    const fault = deviceFault(kind, named(name), true);
    assert.deepEqual([fault.code, fault.title], [code, title], `${kind} ${name}`);
    assert.match(fault.advice, /\.$/);
  }
  assert.equal(deviceFault('camera', named('NotAllowedError'), false).code, 'insecure');
  assert.equal(deviceFault('camera', new ThalwegError('missing_capability', ''), true).code, 'forbidden');
});

test('errors of the server become errors with a code, and faults with words', () => {
  const body = { error: { code: 'slow_mode', message: 'wait', request_id: 'r1' } };
  const error = refusal(429, body, '7');
  assert.deepEqual([error.code, error.status, error.retryAfterS, error.requestId], ['slow_mode', 429, 7, 'r1']);
  assert.equal(callFault(error).advice, 'Wait 7 s, then try again.');
  assert.equal(refusal(502, undefined, null).code, 'unavailable');
  for (const [code, fault] of [['call_not_live', 'backstage'], ['call_full', 'full'], ['token_revoked', 'session'], ['unreachable', 'unreachable']]) {
    assert.equal(callFault(new ThalwegError(code, '')).code, fault);
  }
});

test('only what may pass is tried again, and nothing that may have been done is asked twice', () => {
  assert.ok(isPassing(new ThalwegError('unreachable', '')));
  assert.ok(!isPassing(new ThalwegError('call_ended', '')));
  assert.ok(waitMs(new ThalwegError('unreachable', ''), 'GET', 0) > 0);
  assert.equal(waitMs(new ThalwegError('unreachable', ''), 'POST', 0), undefined);
  assert.equal(waitMs(new ThalwegError('rate_limited', '', { status: 429, retryAfterS: 2 }), 'POST', 0), 2000);
  assert.equal(waitMs(new ThalwegError('rate_limited', '', { status: 429, retryAfterS: 60 }), 'POST', 0), undefined);
});

test('addresses lose their paths, and what is none is refused', () => {
  assert.equal(baseOf('wss://calls.example.com/x?y'), 'https://calls.example.com');
  assert.equal(baseOf('http://127.0.0.1:7880'), 'http://127.0.0.1:7880');
  for (const wrong of ['', 'calls.example.com', 'ftp://x']) assert.throws(() => baseOf(wrong), { code: 'invalid' });
  assert.equal(query({ type: 'a b', limit: 2, state: undefined }), '?type=a+b&limit=2');
});

test('a chosen device is found again by its id, else by its name', () => {
  const [one, two] = [{ deviceId: '1', label: 'Front' }, { deviceId: '2', label: 'Back' }];
  assert.equal(meant({ deviceId: '2', label: 'Front' }, [one, two]), two);
  assert.equal(meant({ deviceId: '9', label: 'Front' }, [one, two]), one);
  assert.equal(meant({ deviceId: '' }, [{ deviceId: '', label: '' }]), undefined);
  const kept = new Map();
  const memory = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  remember(memory, 'camera', { deviceId: '1', label: 'Front' });
  remember(memory, 'camera', { on: false });
  assert.deepEqual(recall(memory, 'camera'), { deviceId: '1', label: 'Front', on: false });
  kept.set('thalweg.camera', '{"deviceId":7,"on":"x"');
  assert.deepEqual(recall(memory, 'camera'), {});
  const closed = { getItem: () => { throw new Error('closed'); }, setItem: () => { throw new Error('closed'); } };
  remember(closed, 'camera', { on: true });
  assert.deepEqual(recall(closed, 'camera'), {});
});

test('observables tell of changes only, and snapshots stay the same between two', () => {
  const cell = new Cell({ list: [1], other: 0 });
  const list = derived(cell, ({ list }) => list.map((each) => each));
  assert.equal(list.value, list.value);
  const heard = [];
  const forget = list.subscribe((value) => heard.push(value.length));
  cell.set({ list: [1, 2], other: 0 });
  cell.set(cell.value);
  forget();
  cell.set({ list: [], other: 0 });
  assert.deepEqual(heard, [2]);
  assert.deepEqual(list.value, []);
});

test('listeners leave on their own, also while they are told', () => {
  const emitter = new Emitter();
  const heard = [];
  const forget = emitter.on('x', () => (heard.push('once'), forget()));
  emitter.on('x', (value) => heard.push(value));
  emitter.emit('x', 1);
  emitter.emit('x', 2);
  assert.deepEqual(heard, ['once', 1, 2]);
});
