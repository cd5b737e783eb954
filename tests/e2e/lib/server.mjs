// One server under test: started in dev mode on free ports, stopped by its own pid.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { KEY, SECRET } from './keys.mjs';

/** How long the server may take to listen, and to stop once nobody is there, in milliseconds. */
const START_MS = 10_000;
const STOP_MS = 10_000;

export class Server {
  /** Starts `THALWEG_BIN`; `port` 0 lets the system choose, `secret` signs tokens, `flags` are more of them, `network` is where it runs. */
  static async start({ log, port = 0, udp = 0, secret = SECRET, flags = [], network }) {
    const more = [...(process.env.THALWEG_ARGS ?? '').split(' ').filter(Boolean), ...flags];
    if (secret !== 'secret') more.push('--keys', `${KEY}: ${secret}`);
    const args = ['--dev', '--port', String(port), '--rtc.udp_port', String(udp), '--ingress.rtmp_port', '0', '--shutdown.grace', '1s', '--room.departure_timeout', '1', '--room.empty_timeout', '1', ...more];
    const [command, given] = network ? network.enter(process.env.THALWEG_BIN, args) : [process.env.THALWEG_BIN, args];
    const child = spawn(command, given, { stdio: ['ignore', 'pipe', 'pipe'] });
    const file = createWriteStream(log, { flags: port === 0 ? 'w' : 'a' });
    child.stderr.pipe(file, { end: false });
    const line = await listening(child, file);
    const http = /http=(\S+):(\d+)/.exec(line);
    const media = /udp=\S*?:(\d+)/.exec(line);
    if (!http || !media) {
      child.kill('SIGKILL');
      throw new Error(`cannot read its addresses from: ${line}`);
    }
    return new Server(child, { log, secret, port: Number(http[2]), udp: Number(media[1]), network });
  }

  constructor(child, { log, secret, port, udp, network }) {
    this.child = child;
    this.network = network;
    this.log = log;
    this.secret = secret;
    this.port = port;
    this.udp = udp;
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  }

  /** What a scenario's process is told. */
  environment() {
    return { THALWEG_PORT: String(this.port), THALWEG_UDP: String(this.udp), THALWEG_PID: String(this.child.pid), THALWEG_LOG: this.log, THALWEG_SECRET: this.secret };
  }

  /** A command with its arguments, as it reaches this server. */
  beside(command, args) {
    return this.network ? this.network.enter(command, args) : [command, args];
  }

  /** Asks it to stop, twice if need be. Answers what is wrong, or nothing. */
  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      const status = await this.ended;
      return status === 0 || this.mayBeGone ? undefined : `ended by itself with ${status}`;
    }
    this.child.kill('SIGTERM');
    const status = await Promise.race([this.ended, later(STOP_MS)]);
    if (status !== 'late') return status === 0 ? undefined : `stopped with ${status}`;
    this.child.kill('SIGKILL');
    return `did not stop within ${STOP_MS / 1000} s of SIGTERM`;
  }
}

function listening(child, file) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`did not print "listening" within ${START_MS / 1000} s`));
    }, START_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`exited with ${code} before it listened; see its log`)));
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      file.write(chunk);
      text += chunk;
      const line = text.split('\n').slice(0, -1).find((each) => each.includes('listening http='));
      if (!line) return;
      clearTimeout(timer);
      resolve(line);
    });
  });
}

function later(ms) {
  return new Promise((resolve) => setTimeout(() => resolve('late'), ms).unref());
}
