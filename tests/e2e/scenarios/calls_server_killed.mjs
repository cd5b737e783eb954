// The server is killed while calls are made and changed: after the next start everything that was answered is there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Calls } from '../lib/calls.mjs';
import { check } from '../lib/check.mjs';
import { Server } from '../lib/server.mjs';

/** Answers after which the server is killed, and requests that are on their way at a time. */
const [ANSWERS, AT_A_TIME] = [150, 16];

export default async function (stage) {
  const folder = mkdtempSync(join(tmpdir(), 'thalweg-'));
  stage.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const flags = ['--store.path', folder, '--calls.rate_limit.key', '0'];
  const log = `${process.env.THALWEG_LOG}.own`;
  let server = await Server.start({ log, flags });
  stage.atEnd(() => server.stop());
  let calls = new Calls(`http://127.0.0.1:${server.port}`);
  const [made, titled] = [new Set(), new Map()];
  let next = 0;
  const work = async () => {
    for (;;) {
      const id = `k${next++}`;
      const members = [{ user: 'bob', role: 'viewer' }];
      const answer = await calls.ask('POST', `/calls/default/${id}`, calls.server, { created_by: 'ann', members });
      if (answer.status === 201) made.add(id);
      const titles = await calls.ask('PATCH', `/calls/default/${id}`, calls.server, { custom: { title: id } });
      if (titles.status === 200) titled.set(id, id);
      if (made.size >= ANSWERS) server.child.kill('SIGKILL');
    }
  };
  await Promise.allSettled(Array.from({ length: AT_A_TIME }, work));
  await server.ended;
  const { port, udp } = server;
  server = await Server.start({ log, port, udp, flags });
  calls = new Calls(`http://127.0.0.1:${server.port}`);
  for (const id of made) {
    const { status, body } = await calls.ask('GET', `/calls/default/${id}`, calls.server);
    check(status === 200, `the call ${id} was answered and is lost: ${status}`);
    check(body.call.members_count === 2, `of the call ${id} members are lost`);
    check(!titled.has(id) || body.call.custom.title === id, `a change of the call ${id} was answered and is lost`);
  }
}
