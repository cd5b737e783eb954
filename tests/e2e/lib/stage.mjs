// What a Node scenario has: the server's address, tokens, Chromium pages, Python helpers, the server's counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { chromium } from 'playwright-core';
import { check, reach } from './check.mjs';
import { Firefox } from './firefox.mjs';
import { Guest } from './guest.mjs';
import { KEY, SECRET } from './keys.mjs';
import { HOME_ADDRESS } from './network.mjs';
import { servePage } from './pages.mjs';
import { killTree } from './process.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection', '--ignore-certificate-errors',
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
];

export class Stage {
  port = Number(process.env.THALWEG_PORT);
  udp = Number(process.env.THALWEG_UDP);
  pid = Number(process.env.THALWEG_PID);
  url = `ws://127.0.0.1:${this.port}`;
  http = `http://127.0.0.1:${this.port}`;
  #fresh = {};
  #ends = [];
  #browser;
  #firefox;
  #site;

  /** A token as an app's back end would mint it. */
  async token(identity, { room = 'river', key = KEY, secret = SECRET, ttl = '10m', grant = {} } = {}) {
    const token = new AccessToken(key, secret, { identity, name: identity, ttl });
    token.addGrant({ roomJoin: true, room, canPublish: true, canSubscribe: true, canPublishData: true, ...grant });
    return token.toJwt();
  }

  /** Something to close when the scenario is over, last opened first. */
  atEnd(close) {
    this.#ends.push(close);
  }

  /** Chromium, started once. `--use-fake-ui-for-media-stream` answers every permission prompt with yes. */
  async browser({ allow = true } = {}) {
    if (!this.#browser) {
      const args = allow ? [...FLAGS, '--use-fake-ui-for-media-stream', '--auto-accept-this-tab-capture'] : FLAGS;
      const options = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args };
      // On a busy machine a browser sometimes ends as it starts, before it has seen anything of the server.
      this.#browser = await chromium.launch(options).catch(() => chromium.launch(options));
      this.atEnd(() => this.#browser.close());
    }
    return this.#browser;
  }

  /** A Chromium that watches over a link of its own, with livekit-client and the room not yet joined. */
  async afar(identity, link) {
    const folder = mkdtempSync(join(tmpdir(), 'thalweg-afar-'));
    const executablePath = join(folder, 'chromium');
    const [command, args] = link.far.enter(process.env.CHROMIUM ?? '/usr/bin/chromium', ['"$@"']);
    writeFileSync(executablePath, `#!/bin/sh\nexec ${command} ${args.join(' ')}\n`, { mode: 0o755 });
    const site = await servePage({}, HOME_ADDRESS);
    const browser = await chromium.launch({ executablePath, args: [...FLAGS, `--unsafely-treat-insecure-origin-as-secure=${site.url.slice(0, -1)}`] });
    this.atEnd(async () => {
      await browser.close();
      site.close();
      rmSync(folder, { recursive: true });
    });
    const page = await browser.newPage();
    page.on('console', (message) => console.error(`[${identity}] ${message.type()}: ${message.text()}`));
    await page.goto(site.url);
    return new Guest(this, identity, page, `ws://${HOME_ADDRESS}:${this.port}`);
  }

  /** Firefox, started once. The suite starts a scenario's server within its reach when the scenario says `firefox: true`. */
  async firefox() {
    if (!this.#firefox) {
      this.#firefox = await Firefox.launch();
      this.atEnd(() => this.#firefox.close());
    }
    return this.#firefox;
  }

  /** A blank page whose errors go to the log. With `firefox` it is Firefox's, and knows fewer words: see there. */
  async tab(label, { firefox = false, ...options } = {}) {
    if (firefox) return (await this.firefox()).tab(label, options.context);
    const context = await (await this.browser(options)).newContext(options.context);
    const page = await context.newPage();
    page.on('console', (message) => console.error(`[${label}] ${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => console.error(`[${label}] page error: ${error.message}`));
    return page;
  }

  /** A page with the unmodified livekit-client and the room not yet joined; with `firefox` it is Firefox's. */
  async guest(identity, { firefox = false } = {}) {
    const page = await this.tab(identity, { firefox });
    await page.goto(await this.#home());
    return new Guest(this, identity, page);
  }

  /** A page without any SDK: `plain` in it speaks WHIP and WHEP by hand. */
  async plain(label) {
    const page = await this.tab(label);
    await page.goto(`${await this.#home()}plain`);
    return page;
  }

  /** The address of the small site, which is another origin than the server's. */
  async #home() {
    if (!this.#site) {
      this.#site = await servePage();
      this.atEnd(() => this.#site.close());
    }
    return this.#site.url;
  }

  /** A page that has joined. */
  async joined(identity, { firefox, ...options } = {}) {
    const guest = await this.guest(identity, { firefox });
    await guest.join(options);
    return guest;
  }

  /** Starts a Python program of `lib/`; `lines` collects what it prints as JSON lines. */
  python(file, args) {
    const child = spawn(join(HERE, '.venv/bin/python'), ['-u', join(HERE, 'lib', file), ...args.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'], detached: true, cwd: HERE,
    });
    const lines = [];
    let pending = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      pending += text;
      const parts = pending.split('\n');
      pending = parts.pop();
      for (const part of parts) {
        console.error(`[${file}] ${part}`);
        if (part.startsWith('{')) lines.push(JSON.parse(part));
      }
    });
    this.atEnd(() => killTree(child.pid));
    return { child, lines, say: (text) => child.stdin.write(`${text}\n`) };
  }

  /** Who is in a room, as an administrator sees them. */
  async people(room = 'river') {
    return new RoomServiceClient(this.http, KEY, SECRET).listParticipants(room);
  }

  /** Notes what a server holds to which nobody has spoken: its idle tasks. */
  async begin() {
    this.#fresh = await this.counts();
  }

  /** The server's own account of what it holds. */
  async counts() {
    const answer = await fetch(`${this.http}/debug/counts`);
    check(answer.ok, `GET /debug/counts answered ${answer.status}`);
    return answer.json();
  }

  /** Waits until the server holds no more than when it was fresh. Totals (`…_total`) only rise and do not count. */
  async empty(ms = 30_000) {
    await reach('the counts at /debug/counts return to those of a fresh server', async () => {
      const left = held(await this.counts(), this.#fresh);
      return [left.length === 0, left.join(' ')];
    }, ms);
  }

  async close() {
    for (const end of this.#ends.reverse()) await end();
  }
}

/** The gauges above those of a fresh server, as `name=value`. */
function held(counts, fresh) {
  return Object.entries(counts)
    .filter(([name, value]) => !name.endsWith('_total') && value > (fresh[name] ?? 0))
    .map(([name, value]) => `${name}=${value}`);
}
