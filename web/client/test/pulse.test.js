import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pulse } from '../dist/pulse.js';

test('silence is asked about, told once, and told when it is over', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: 1_000 });
  const server = { bytes: 1, there: true, asked: 0 };
  const pulse = new Pulse(async () => server.bytes, async () => ((server.asked += 1), server.there));
  const told = [];
  pulse.events.on('lost', () => told.push('lost'));
  pulse.events.on('back', () => told.push('back'));
  const second = async (change = {}) => {
    Object.assign(server, change);
    t.mock.timers.tick(1000);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  pulse.start();
  for (let bytes = 2; bytes < 9; bytes += 1) await second({ bytes });
  assert.deepEqual([told, server.asked], [[], 0], 'media is sign enough');
  for (let turn = 0; turn < 7; turn += 1) await second();
  assert.deepEqual(told, [], 'a call in which nobody speaks is no fault');
  assert.ok(server.asked >= 2 && server.asked <= 4, `asked ${server.asked} times in 7 s`);
  for (let turn = 0; turn < 5; turn += 1) await second({ there: false });
  assert.deepEqual(told, ['lost']);
  await second({ bytes: 20 });
  assert.deepEqual(told, ['lost', 'back']);
  for (let turn = 0; turn < 4; turn += 1) await second({ bytes: undefined });
  pulse.stop();
  await second({ bytes: 20 });
  assert.deepEqual(told, ['lost', 'back'], 'what is not known is no silence');
});
