// A revoked token stays revoked when the server is killed right after the removal and starts again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RoomServiceClient } from 'livekit-server-sdk';
import { check } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

export default async function (stage) {
  const folder = mkdtempSync(join(tmpdir(), 'thalweg-'));
  stage.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const flags = ['--store.path', folder];
  const log = `${process.env.THALWEG_LOG}.own`;
  let server = await Server.start({ log, flags });
  stage.atEnd(() => server.stop());
  stage.url = `ws://127.0.0.1:${server.port}`;
  const validates = async (token) => (await fetch(`http://127.0.0.1:${server.port}/rtc/validate?access_token=${token}`)).status;
  const [token, other] = [await stage.token('ada'), await stage.token('bob')];
  const ada = await stage.joined('ada', { token });
  const api = new RoomServiceClient(`http://127.0.0.1:${server.port}`, 'devkey', 'secret');
  await api.removeParticipant('river', 'ada');
  const { port, udp } = server;
  server.child.kill('SIGKILL');
  await server.ended;
  server = await Server.start({ log, port, udp, flags });
  check((await validates(token)) === 401, 'the old token is good again after the restart');
  check((await validates(other)) === 200, 'the token of another is not');
  const refusal = await ada.join({ token }).then(() => '', (error) => error.message);
  check(refusal.includes('revoked'), `joining with the old token: "${refusal}"`);
}
