import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { ThalwegServer } from '../dist/index.js';

const server = new ThalwegServer({ url: 'https://calls.example.com/', apiKey: 'key', apiSecret: 'secret' });
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const read = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** A token as somebody else would sign it. */
function token(claims, { secret = 'secret', alg = 'HS256' } = {}) {
  const text = `${part({ alg })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

test('a user token says who, until when, and what it is good for', () => {
  const claims = read(server.createToken('ann', { ttl_s: 60, role: 'viewer', calls: ['default:one'] }));
  assert.deepEqual([claims.iss, claims.sub, claims.exp - claims.iat, claims.role, claims.calls], ['key', 'ann', 60, 'viewer', ['default:one']]);
  assert.equal(read(server.createServerToken()).server, true);
  for (const none of ['', '@server']) assert.throws(() => server.createToken(none), { code: 'invalid' });
});

test('a webhook is read only when key, time and body are right', () => {
  const body = JSON.stringify({ event: 'call_ended', id: 'EV_1' });
  const sha256 = createHash('sha256').update(body).digest('base64');
  const exp = Math.floor(Date.now() / 1000) + 300;
  const good = { iss: 'key', exp, sha256 };
  assert.equal(server.readWebhook(body, token(good)).event, 'call_ended');
  assert.equal(server.readWebhook(Buffer.from(body), `Bearer ${token(good)}`).id, 'EV_1');
  for (const [given, text] of [
    [undefined, body],
    ['junk', body],
    [token(good, { secret: 'other' }), body],
    [token(good, { alg: 'none' }), body],
    [token({ ...good, iss: 'other' }), body],
    [token({ ...good, exp: exp - 1000 }), body],
    [token({ ...good, exp: undefined }), body],
    [token({ ...good, sha256: undefined }), body],
    [token(good), `${body} `],
    [`${token(good)}.more`, body],
  ]) {
    assert.throws(() => server.readWebhook(text, given), { code: 'webhook_invalid' }, String(given));
  }
});

test('what is missing is named', () => {
  assert.throws(() => new ThalwegServer({ url: 'http://x', apiKey: 'key' }), /THALWEG_API_SECRET/);
});
