// Browsers that may only use a relay meet through the TURN server inside, over UDP and over TLS; certificates and keys are
// swapped under the call.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { check, until } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

const RELAY_ONLY = { connect: { rtcConfig: { iceTransportPolicy: 'relay' } } };

export default async function (stage) {
  const folder = mkdtempSync(join(tmpdir(), 'thalweg-turn-'));
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), keys: join(folder, 'keys.yaml') };
  certify(files);
  keys(files, 'devkey: secret');
  const secure = ['--tls.cert_file', files.cert, '--tls.key_file', files.key, '--key_file', files.keys];
  const notes = [];
  for (const [protocol, flags] of [
    ['udp', ['--turn.udp_port', '0']],
    ['tls', ['--turn.udp_port', 'off', '--turn.tls_port', '0', '--turn.domain', 'localhost', ...secure]],
  ]) {
    const server = await Server.start({ log: `${process.env.THALWEG_LOG}.${protocol}`, flags: ['--turn.enabled', ...flags] });
    stage.atEnd(() => server.stop());
    const scheme = protocol === 'tls' ? 'wss' : 'ws';
    const [ada, bob] = [await guest(stage, server, scheme, 'ada'), await guest(stage, server, scheme, 'bob')];
    await Promise.all([ada.camera(), bob.camera()]);
    await Promise.all([ada.sees(bob), bob.sees(ada)]);
    for (const each of [ada, bob]) {
      const way = await each.drive(() => drive.way());
      check(way === `relay ${protocol}`, `${each.identity} goes by "${way}", wanted "relay ${protocol}"`);
    }
    if (protocol === 'tls') notes.push(await swap(stage, server, files, [ada, bob]));
    await Promise.all([ada.leave(), bob.leave()]);
    await Promise.all([ada.page.close(), bob.page.close()]);
  }
  return notes.join('; ');
}

/** A page that has joined by a relay or not at all. */
async function guest(stage, server, scheme, identity) {
  const guest = await stage.guest(identity);
  const url = `${scheme}://localhost:${server.port}`;
  await guest.drive(([url, jwt, options]) => drive.join(url, jwt, options), [url, await stage.token(identity), RELAY_ONLY]);
  return guest;
}

/** Gives the server another certificate and another API key; the call goes on. */
async function swap(stage, server, files, [ada, bob]) {
  const before = await shown(server.port);
  certify(files);
  keys(files, 'other: another-secret');
  server.child.kill('SIGHUP');
  const after = await until('another certificate is shown', async () => {
    const now = await shown(server.port);
    return now !== before && now;
  });
  check(after !== before, 'the certificate is the old one');
  await until('the old key is void', async () => (await status(server.port, await stage.token('eve'))) === 401);
  const fresh = await stage.token('eve', { key: 'other', secret: 'another-secret' });
  check((await status(server.port, fresh)) === 200, 'the new key is not taken');
  await Promise.all([ada.sees(bob, { frames: 10 }), bob.sees(ada, { frames: 10 })]);
  return 'certificate and key swapped under the call';
}

function certify({ cert, key }) {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
}

function keys({ keys }, line) {
  writeFileSync(keys, `${line}\n`);
  chmodSync(keys, 0o600);
}

/** The fingerprint of the certificate that the port shows. */
function shown(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** What `/rtc/validate` says of a token. */
function status(port, token) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write(`GET /rtc/validate?access_token=${token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.once('end', () => resolve(Number(text.split(' ')[1])));
    socket.once('error', reject);
  });
}
