import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { TokenKeeper, claimsOf, renewalMs } from '../dist/token.js';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims) => `${part({ alg: 'HS256' })}.${part(claims)}.x`;
const NOW = 1_000_000_000;

test('a token is renewed when half of its life is left, and no more than a minute before its end', () => {
  for (const [iat, exp, gotMs, at] of [
    [1000, 1100, 1_000_000, 1_050_000],
    [1000, 4600, 1_000_000, 4_540_000],
    // Old when it came: at once.
    [1000, 1100, 1_095_000, 1_095_000],
    [undefined, 1100, 1_050_000, 1_075_000],
    [1000, undefined, 1_000_000, undefined],
  ]) {
    assert.equal(renewalMs({ iat, exp }, gotMs), at, `${iat} ${exp} ${gotMs}`);
  }
});

test('claims are read from tokens, also with letters beyond ASCII, and nothing from what is none', () => {
  assert.equal(claimsOf(token({ sub: 'zoë' })).sub, 'zoë');
  for (const none of ['', 'a.b.c', 'a', `a.${part(7)}.c`]) assert.equal(claimsOf(none), undefined, none);
});

test('a renewal that fails is tried again with growing pauses, and the old token is used until its end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: NOW * 1000 });
  t.mock.method(Math, 'random', () => 1);
  let works = true;
  const asked = [];
  const provider = mock.fn(() => {
    asked.push(Date.now() / 1000 - NOW);
    if (!works) throw new Error('the back end is away');
    return token({ sub: 'ann', iat: NOW + asked.at(-1), exp: NOW + asked.at(-1) + 100 });
  });
  const keeper = new TokenKeeper('ann', 'key', provider, undefined);
  const failures = [];
  keeper.events.on('failed', (error) => failures.push(error.code));
  const first = await keeper.current();
  works = false;
  t.mock.timers.tick(50_000);
  await settled();
  assert.equal(await keeper.current(), first);
  for (const pause of [500, 1000, 2000]) {
    t.mock.timers.tick(pause - 1);
    await settled();
    const before = asked.length;
    t.mock.timers.tick(1);
    await settled();
    assert.equal(asked.length, before + 1, `after ${pause} ms`);
  }
  assert.deepEqual(failures, Array(4).fill('token_provider'));
  works = true;
  t.mock.timers.tick(4000);
  await settled();
  assert.notEqual(await keeper.current(), first);
  keeper.close();
});

test('many who need a new token at once ask for one', async () => {
  const provider = mock.fn(async () => token({ sub: 'ann', exp: Date.now() / 1000 + 1000 }));
  const keeper = new TokenKeeper(undefined, undefined, provider, undefined);
  const [one, two] = await Promise.all([keeper.current(), keeper.current()]);
  assert.equal(one, two);
  assert.equal(provider.mock.callCount(), 1);
  // Another found it stale first.
  assert.equal(await keeper.renew('older'), one);
  keeper.close();
});

test('tokens of another user, of another key, and what is no token are refused in words', () => {
  const keeper = (given) => () => new TokenKeeper('ann', 'key', undefined, given);
  assert.throws(keeper(token({ sub: 'bob' })), /of the user bob, not of ann/);
  assert.throws(keeper(token({ sub: 'ann', iss: 'other' })), /API key other, not with key/);
  assert.throws(keeper('junk'), /no JSON Web Token/);
});

test('a token that ended and cannot be renewed says so', async () => {
  const keeper = new TokenKeeper('ann', undefined, undefined, token({ sub: 'ann', exp: 1 }));
  await assert.rejects(keeper.current(), { code: 'token_expired' });
});

/** Lets what promises started go on. */
async function settled() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
