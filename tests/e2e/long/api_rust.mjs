// LiveKit's Rust crate (tests/rust-sdk) as a back end: it makes a room and a token, looks after who joins with it, and ends the room.
// deadline: 300
import { execFile, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RoomEvent, dispose } from '@livekit/rtc-node';
import { check, until } from '../lib/check.mjs';
import { killTree } from '../lib/process.mjs';
import { Voice } from '../lib/voice.mjs';

const CRATE = join(dirname(fileURLToPath(import.meta.url)), '../../rust-sdk');

export default async function (stage) {
  const { stdout } = await promisify(execFile)('cargo', ['build', '--locked', '--message-format=json', '--quiet'], { cwd: CRATE, maxBuffer: 64 * 1024 * 1024 });
  const program = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).executable).find(Boolean);
  const child = spawn(program, [stage.http, 'devkey', 'secret'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  stage.atEnd(() => killTree(child.pid));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const token = await until('the crate makes a token', () => said.includes('\n') && said.split('\n')[0]);
  const ada = await Voice.join(stage.url, token);
  let gone = false;
  let heard = '';
  ada.room.on(RoomEvent.Disconnected, () => (gone = true));
  ada.room.on(RoomEvent.DataReceived, (data) => (heard = new TextDecoder().decode(data)));
  await ada.sing();
  await until('ada is seen to publish', async () => (await stage.people('rust')).some(({ tracks }) => tracks.length === 1));
  child.stdin.write('\n');
  await until('ada is told something', () => heard === 'hello ada');
  child.stdin.write('\n');
  const status = await ended;
  check(status === 0, `the crate's program ended with ${status}: ${said}`);
  await until('ada is sent away', () => gone);
  await ada.leave();
  await stage.empty();
  await dispose();
}
