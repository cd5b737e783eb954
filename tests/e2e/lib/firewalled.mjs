// A scenario behind a firewall: it runs itself again in a network namespace of its own, whose rules drop what a firewall would,
// with a server of its own at ADDRESS. Loopback is open: there are the page, its signalling (another machine in real life) and
// TURN's own way to media.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessToken } from 'livekit-server-sdk';
import { check, reach } from './check.mjs';
import { KEY, LONG_SECRET, SECRET } from './keys.mjs';
import { Stage } from './stage.mjs';

/** The server's address in the namespace, and a name for it. */
const ADDRESS = '10.77.0.1';
export const NAME = 'relay.test';
/** The folder of the run; who finds it is in the namespace already. */
const INSIDE = 'THALWEG_E2E_FIREWALLED';
// The SDKs pass over loopback interfaces: the namespace needs another, and a route by it.
const COMMANDS = [
  'ip link set lo up',
  'ip link add one type veth peer name two',
  `ip address add ${ADDRESS}/24 dev one`,
  'ip link set one up',
  'ip link set two up',
  'ip route add default dev one',
  // Routing by protocol comes before the table of local addresses, which has the first place by default.
  'ip rule add pref 10 lookup local',
  'ip rule del pref 0',
  'ip rule add pref 1 to 127.0.0.0/8 lookup local',
];

/** Makes a scenario of rules for `ip`, and of what happens behind them: `act(stage, start, folder)`, where `start(flags)` gives the server. */
export function firewalled(path, rules, act) {
  if (process.env[INSIDE]) return inside(process.env[INSIDE], act);
  return async (stage) => {
    const folder = mkdtempSync(join(tmpdir(), 'thalweg-firewalled-'));
    stage.atEnd(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost\n${ADDRESS} ${NAME}\n`);
    // Nobody answers there, which is told at once; elsewhere the namespace is silent.
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    // Who is not root is so in a namespace of users.
    const spaces = process.getuid() === 0 ? ['--net', '--mount'] : ['--net', '--mount', '--user', '--map-root-user'];
    const names = ['hosts', 'resolv.conf'].map((file) => `mount --bind ${folder}/${file} /etc/${file}`);
    const script = `${[...names, ...COMMANDS, ...rules].join(' && ')} && exec "$0" "$@"`;
    const child = spawn('unshare', [...spaces, 'sh', '-ec', script, process.execPath, path], {
      env: { ...process.env, [INSIDE]: folder, THALWEG_SECRET: LONG_SECRET }, stdio: ['ignore', 'inherit', 'inherit'],
    });
    stage.atEnd(() => child.exitCode === null && child.kill());
    const code = await new Promise((resolve) => child.once('exit', resolve));
    check(code === 0, `in its namespace it ended with ${code}; see its log`);
  };
}

async function inside(folder, act) {
  const stage = new Stage();
  process.exitCode = 0;
  try {
    await act(stage, (flags) => start(stage, folder, flags), folder);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  await stage.close().catch((error) => console.error(error));
}

async function start(stage, folder, more) {
  const flags = ['--port', '0', '--bind_addresses', '127.0.0.1', '--rtc.udp_port', '0', '--ingress.rtmp_port', 'off', '--store.path', join(folder, 'store'), ...more];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('THALWEG_')));
  const server = spawn(process.env.THALWEG_BIN, flags, { env: { ...env, LIVEKIT_KEYS: `${KEY}: ${SECRET}` }, stdio: ['ignore', 'pipe', 'inherit'] });
  stage.atEnd(() => server.kill());
  stage.http = await listening(server);
  stage.url = stage.http.replace('http', 'ws');
  process.env.THALWEG_PORT = new URL(stage.http).port;
}

function listening(server) {
  return new Promise((resolve, reject) => {
    let text = '';
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const found = /http=?:?\/?\/?(127\.0\.0\.1:\d+)/.exec(text);
      if (found) resolve(`http://${found[1]}`);
    });
  });
}

/** A browser and the Python SDK see and hear each other; the browser's way matches, and the operators' page tells `cause` of both. */
export async function meet(stage, { way, leg, cause }) {
  const ada = await stage.guest('ada');
  await ada.join();
  await ada.drive(() => drive.bars());
  await ada.drive(() => drive.tone(880));
  const snake = stage.python('bot.py', ['snake', 520, 'ada', 880, 60]);
  await ada.sees('snake', { width: 640, ms: 30_000 });
  const taken = await ada.drive(() => drive.way());
  check(way.test(taken), `ada goes by "${taken}", wanted ${way}`);
  await reach('Python sees and hears the browser', async () => {
    const failed = snake.lines.find((line) => line.error);
    check(!failed, failed?.error ?? '');
    return [snake.lines.some((line) => line.saw) && snake.lines.some((line) => line.heard), snake.lines];
  }, 40_000);
  const token = new AccessToken(KEY, SECRET, { ttl: '10m' });
  token.addGrant({ roomAdmin: true });
  const headers = { Authorization: `Bearer ${await token.toJwt()}` };
  await reach(`the operators' page tells of both that it is ${cause}`, async () => {
    const { people } = await (await fetch(`${stage.http}/admin/api/rooms/river`, { headers })).json();
    const right = (who) => who.leg === leg && who.verdicts.some((it) => it.cause === cause) && who.traffic[leg].in > 0 && who.traffic[leg].out > 0;
    return [people.length === 2 && people.every(right), people];
  }, 20_000);
}

/** The server's metrics by name, those without labels. */
export async function metrics(stage) {
  const text = await (await fetch(`${stage.http}/metrics`)).text();
  return Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]));
}
