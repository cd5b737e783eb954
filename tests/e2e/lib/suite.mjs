// Runs the scenarios one after another, each in its own process against its own server, and counts.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync, writeSync, closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withinReach } from './firefox.mjs';
import { LONG_SECRET } from './keys.mjs';
import { HOME_ADDRESS, Network } from './network.mjs';
import { killTree } from './process.mjs';
import { Server } from './server.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const LOGS = join(HERE, 'logs');
/** The longest a scenario may take, unless it says `deadline: N` (seconds) near its top. */
const DEADLINE_SECONDS = 90;

/** What takes programs or minutes of its own, only with `LONG=1`. */
const FOLDER = process.env.LONG ? 'long' : 'scenarios';
const names = readdirSync(join(HERE, FOLDER)).filter((file) => /\.(mjs|py)$/.test(file)).sort();
const wanted = process.argv.slice(2);
if (wanted.includes('--list')) {
  for (const file of names) console.log(plain(file));
  process.exit(0);
}
const unknown = wanted.filter((word) => !names.some((file) => plain(file).startsWith(word)));
if (unknown.length > 0) {
  console.error(`no scenario begins with: ${unknown.join(', ')}`);
  process.exit(2);
}
const chosen = wanted.length === 0 ? names : names.filter((file) => wanted.some((word) => plain(file).startsWith(word)));

mkdirSync(LOGS, { recursive: true });
let passed = 0;
let failed = 0;
for (const file of chosen) {
  const started = Date.now();
  // The SDKs' native library dies now and then before the scenario could speak; only such a silent end is tried again.
  let outcome = await attempt(file);
  if (outcome.silent) outcome = await attempt(file);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (outcome.error === undefined) {
    passed += 1;
    console.log(`ok ${plain(file)} (${seconds})${outcome.note ? ` ${outcome.note}` : ''}`);
  } else {
    failed += 1;
    console.log(`FAILED ${plain(file)}: ${outcome.error} (${seconds}; logs/${plain(file)}.log, logs/${plain(file)}.server.log)`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** One run: `{error, note, silent}`, where no `error` is success. */
async function attempt(file) {
  const path = join(HERE, FOLDER, file);
  const source = readFileSync(path, 'utf8');
  const deadline = Number(/deadline: (\d+)/.exec(source)?.[1] ?? DEADLINE_SECONDS) + soakSeconds(source);
  let network, server;
  try {
    const more = /\bfirefox: true\b/.test(source) ? { secret: LONG_SECRET, flags: withinReach() } : {};
    // A scenario that says `network: own` runs with its server in a network namespace.
    if (/\bnetwork: own\b/.test(source)) network = await Network.make();
    if (network) Object.assign(more, { network, secret: LONG_SECRET, flags: ['--bind', '127.0.0.1', '--bind', HOME_ADDRESS] });
    server = await Server.start({ log: join(LOGS, `${plain(file)}.server.log`), ...more });
  } catch (error) {
    network?.close();
    return { error: `server: ${error.message}` };
  }
  const outcome = await play(path, server, deadline, join(LOGS, `${plain(file)}.log`));
  const ended = await server.stop();
  network?.close();
  if (outcome.error === undefined && ended) outcome.error = `server: ${ended}`;
  return outcome;
}

/** A scenario that reads SOAK gets that time on top of its deadline. */
function soakSeconds(source) {
  return /\bSOAK\b/.test(source) ? Number(process.env.SOAK ?? 20) : 0;
}

async function play(path, server, deadline, logPath) {
  const [command, args] = path.endsWith('.py')
    ? [join(HERE, '.venv/bin/python'), ['-u', path]]
    : [process.execPath, [join(HERE, 'lib/scenario.mjs'), path]];
  const log = openSync(logPath, 'w');
  const env = { ...process.env, ...server.environment(), PYTHONPATH: join(HERE, 'lib'), PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(...server.beside(command, args), { env, cwd: HERE, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let result;
  let pending = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    pending += text;
    const lines = pending.split('\n');
    pending = lines.pop();
    for (const line of lines) if (line.startsWith('RESULT ')) result = JSON.parse(line.slice(7));
    writeSync(log, text);
  });
  child.stderr.on('data', (bytes) => writeSync(log, bytes));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killTree(child.pid);
  }, deadline * 1000);
  const status = await new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  clearTimeout(timer);
  killTree(child.pid);
  closeSync(log);
  if (result) return result;
  if (late) return { error: `not finished within ${deadline} s` };
  return { error: `ended with ${status} and no result`, silent: true };
}

function plain(file) {
  return file.replace(/\.(mjs|py)$/, '');
}
