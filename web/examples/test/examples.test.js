import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

/** What the examples asked of the server, which is not there: each request's method, path, claims and body. */
const asked = [];
const thalweg = createServer(async (request, response) => {
  const body = await read(request);
  asked.push({ method: request.method, path: request.url, claims: claimsOf(request.headers.authorization.slice(7)), body });
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ call: { type: 'livestream', id: 'show' }, created: true }));
});
let app;
let base;

before(async () => {
  await listening(thalweg);
  Object.assign(process.env, { THALWEG_URL: `http://127.0.0.1:${thalweg.address().port}`, THALWEG_API_KEY: 'key', THALWEG_API_SECRET: 'secret' });
  app = createServer((await import('../dist/express/server.js')).app);
  base = await listening(app);
});
after(() => [thalweg, app].forEach((server) => (server.closeAllConnections(), server.close())));

test('Express: a token for who is signed in', async () => {
  const answer = await fetch(`${base}/token`, { method: 'POST', headers: { 'x-demo-user': 'ann' } });
  const { apiKey, token } = await answer.json();
  assert.equal(apiKey, 'key');
  assert.equal(claimsOf(token).sub, 'ann');
  assert.equal((await fetch(`${base}/token`, { method: 'POST' })).status, 401);
});

test('Express: a livestream whose host is the user', async () => {
  const headers = { 'x-demo-user': 'ann', 'content-type': 'application/json' };
  const answer = await fetch(`${base}/livestreams/show`, { method: 'POST', headers, body: JSON.stringify({ title: 'Friday' }) });
  assert.equal((await answer.json()).id, 'show');
  const { method, path, claims, body } = asked.at(-1);
  assert.deepEqual([method, path, claims.server], ['POST', '/api/v1/calls/livestream/show', true]);
  assert.deepEqual(JSON.parse(body), { created_by: 'ann', custom: { title: 'Friday' } });
});

test('Express and Next.js: webhooks are read when they are signed, and refused when they are not', async () => {
  const { POST } = await import('../dist/next/app/api/webhook/route.js');
  const body = JSON.stringify({ event: 'call_live_started', id: 'EV_1', call_type: 'livestream', call_id: 'show' });
  const sha256 = createHash('sha256').update(body).digest('base64');
  const authorization = signed({ iss: 'key', exp: Math.floor(Date.now() / 1000) + 60, sha256 });
  for (const ask of [(init) => fetch(`${base}/webhook`, init), (init) => POST(new Request('http://app/api/webhook', init))]) {
    const headers = { 'content-type': 'application/webhook+json', authorization };
    assert.equal((await ask({ method: 'POST', headers, body })).status, 200);
    assert.equal((await ask({ method: 'POST', headers, body: `${body} ` })).status, 401);
    assert.equal((await ask({ method: 'POST', body })).status, 401);
  }
});

test('Next.js: a token for who is signed in', async () => {
  const { POST } = await import('../dist/next/app/api/token/route.js');
  const answer = await POST(new Request('http://app/api/token', { method: 'POST', headers: { 'x-demo-user': 'ann' } }));
  assert.equal(claimsOf((await answer.json()).token).sub, 'ann');
  assert.equal((await POST(new Request('http://app/api/token', { method: 'POST' }))).status, 401);
});

async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function read(stream) {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

function signed(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', 'secret').update(text).digest('base64url')}`;
}
