// The WebSocket that brings events: it comes back by itself, outlives its token, and notices when nothing comes any more.
import type { CallEvent } from '@thalweg/api';
import { pause, pauseMs } from './backoff.js';
import { ThalwegError } from './error.js';
import { Cell, Emitter, type Observable } from './observable.js';
import type { TokenKeeper } from './token.js';

/** How long a connection may take to open, in milliseconds. */
const OPEN_MS = 10_000;
/** After so much silence the server is asked for a sign of life, and after so much more it is taken for gone, in milliseconds. */
const SILENCE_MS = 10_000;
const PATIENCE_MS = 5_000;
/** How long a connection is heard on after another took over, in milliseconds. */
const OVERLAP_MS = 2_000;
/** Events whose ids are remembered, so that none is told twice while one connection takes over from another. */
const REMEMBERED_MAX = 256;
/** The server's close code for a token that ended or was revoked. */
const CLOSE_TOKEN = 4401;

/** Where the events' connection stands: `closed` until something is watched. */
export type SocketState = 'closed' | 'connecting' | 'open' | 'waiting';

/** What happens to the connection of events. */
export interface SocketEvents {
  /** Something happened in a call. */
  event: CallEvent;
  /** The connection is back: events may have been missed. */
  back: undefined;
  /** The token is void and no other can be had. */
  refused: ThalwegError;
}

/** The one connection of a client for events. */
export class EventSocket {
  readonly events = new Emitter<SocketEvents>();
  readonly #state = new Cell<SocketState>('closed');
  readonly #watched = new Map<string, number>();
  readonly #told = new Set<string>();
  /** All connections that are not closed, and the one that counts. */
  readonly #lines = new Set<WebSocket>();
  #line: WebSocket | undefined;
  #stop: AbortController | undefined;
  #first = true;

  constructor(
    private readonly base: string,
    private readonly tokens: TokenKeeper | undefined,
    private readonly probe: () => Promise<unknown>,
  ) {
    // The server ends a connection with its token: the next takes over before that.
    tokens?.events.on('renewed', () => this.#state.value === 'open' && void this.#connect(this.#stop?.signal).catch(() => undefined));
  }

  get state(): Observable<SocketState> {
    return this.#state;
  }

  /** Connects, and stays connected until `close`. */
  open(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#live(this.#stop.signal);
  }

  /** Hears of a call by its `type:id` until the answer is called. */
  watch(call: string): () => void {
    const count = this.#watched.get(call) ?? 0;
    this.#watched.set(call, count + 1);
    if (count === 0) this.#say({ watch: [call] });
    this.open();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#watched.get(call) ?? 1) - 1;
      if (left > 0) return void this.#watched.set(call, left);
      this.#watched.delete(call);
      this.#say({ unwatch: [call] });
    };
  }

  close(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    for (const line of this.#lines) line.close();
    this.#line = undefined;
    this.#first = true;
    this.#state.set('closed');
  }

  async #live(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      this.#state.set('connecting');
      try {
        const line = await this.#connect(signal);
        attempt = -1;
        await this.#gone(line, signal);
      } catch (error) {
        if (isVoid(error)) {
          this.events.emit('refused', error);
          // Nothing gets better by asking again with the same token.
          if (!signal.aborted && !this.tokens?.renewable) return this.close();
        }
      }
      if (signal.aborted) return;
      this.#state.set('waiting');
      await pause(pauseMs(Math.max(attempt, 0), Math.random()), signal);
    }
  }

  /** Waits until no connection is left: one that took over goes on. */
  async #gone(line: WebSocket, signal: AbortSignal): Promise<void> {
    for (let now: WebSocket | undefined = line; now && !signal.aborted; now = this.#line) {
      const [code] = await closed(now);
      if (this.#line === now) this.#line = undefined;
      if (code === CLOSE_TOKEN && !this.#line) await this.tokens?.renew();
    }
  }

  /** Opens a connection, which takes the place of the one before. */
  async #connect(signal: AbortSignal | undefined): Promise<WebSocket> {
    const token = await this.tokens?.current();
    const url = new URL(`${this.base.replace(/^http/, 'ws')}/api/v1/events`);
    if (token !== undefined) url.searchParams.set('token', token);
    const line = new WebSocket(url);
    this.#lines.add(line);
    line.addEventListener('close', () => this.#lines.delete(line));
    line.addEventListener('message', ({ data }) => this.#hear(String(data)));
    try {
      await opened(line, signal);
    } catch (error) {
      line.close();
      // A browser tells no reason; this does, and renews a token that the server takes no more.
      await this.probe();
      throw error;
    }
    await this.#watchAll(line);
    if (signal?.aborted || line.readyState !== WebSocket.OPEN) {
      line.close();
      throw new ThalwegError('unreachable', 'the connection for events did not last');
    }
    const before = this.#line;
    this.#line = line;
    // What the server sent over the one before may still be on its way; what came by both is told once.
    if (before) setTimeout(() => before.close(), OVERLAP_MS);
    this.#state.set('open');
    watchOver(line);
    if (!this.#first && !before) this.events.emit('back', undefined);
    this.#first = false;
    return line;
  }

  /** Has a new connection watch all calls, one by one: a call that is gone must not keep the others from being watched. */
  async #watchAll(line: WebSocket): Promise<void> {
    const asked = new Set<string>();
    for (;;) {
      const fresh = [...this.#watched.keys()].filter((call) => !asked.has(call));
      if (fresh.length === 0) return;
      for (const call of fresh) {
        asked.add(call);
        line.send(JSON.stringify({ watch: [call] }));
      }
      await answered(line, fresh.length);
    }
  }

  /** Whether the server answers over this connection within a time, in milliseconds. */
  alive(ms: number): Promise<boolean> {
    const line = this.#line;
    if (line?.readyState !== WebSocket.OPEN) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (there: boolean): void => {
        clearTimeout(timer);
        line.removeEventListener('message', heard);
        resolve(there);
      };
      const heard = (): void => done(true);
      const timer = setTimeout(() => done(false), ms);
      line.addEventListener('message', heard);
      line.send('{}');
    });
  }

  #say(wish: { watch?: string[]; unwatch?: string[] }): void {
    if (this.#line?.readyState === WebSocket.OPEN) this.#line.send(JSON.stringify(wish));
  }

  #hear(text: string): void {
    let event: CallEvent;
    try {
      event = JSON.parse(text) as CallEvent;
    } catch {
      return;
    }
    // Answers to what was said carry no id.
    if (typeof event.id !== 'string' || this.#told.has(event.id)) return;
    this.#told.add(event.id);
    if (this.#told.size > REMEMBERED_MAX) this.#told.delete(this.#told.values().next().value as string);
    this.events.emit('event', event);
  }
}

/** The user's session is over, as far as the server is concerned. */
function isVoid(error: unknown): error is ThalwegError {
  return error instanceof ThalwegError && ['token_missing', 'token_invalid', 'token_expired', 'token_revoked'].includes(error.code);
}

function opened(line: WebSocket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new ThalwegError('unreachable', 'the connection for events cannot be opened'));
    const timer = setTimeout(fail, OPEN_MS);
    const done = (then: () => void) => () => {
      clearTimeout(timer);
      then();
    };
    line.addEventListener('open', done(resolve));
    line.addEventListener('close', done(fail));
    signal?.addEventListener('abort', done(fail));
  });
}

/** Waits until the server has answered so often, or is gone. Answers are what carries no id. */
function answered(line: WebSocket, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const timer = setTimeout(resolve, OPEN_MS);
    const done = (): void => {
      clearTimeout(timer);
      line.removeEventListener('message', hear);
      resolve();
    };
    const hear = ({ data }: MessageEvent): void => {
      if (/^\{"(event":"(ok|error)"|error")/.test(String(data)) && --left === 0) done();
    };
    line.addEventListener('message', hear);
    line.addEventListener('close', done);
    if (line.readyState !== WebSocket.OPEN) done();
  });
}

function closed(line: WebSocket): Promise<[number]> {
  if (line.readyState === WebSocket.CLOSED) return Promise.resolve([1006]);
  return new Promise((resolve) => line.addEventListener('close', ({ code }) => resolve([code])));
}

/** Closes a connection over which nothing comes any more. A browser hides the server's pings: this asks in its own words. */
function watchOver(line: WebSocket): void {
  let heard = Date.now();
  let asked = false;
  const timer = setInterval(() => {
    const silent = Date.now() - heard;
    if (asked && silent > SILENCE_MS + PATIENCE_MS) return end();
    if (!asked && silent > SILENCE_MS) {
      asked = true;
      line.send('{}');
    }
  }, 1000);
  const end = (): void => {
    clearInterval(timer);
    // A dead connection's close may take long: nobody waits for it.
    line.close();
    line.dispatchEvent(new CloseEvent('close', { code: 1006 }));
  };
  line.addEventListener('message', () => ([heard, asked] = [Date.now(), false]));
  line.addEventListener('close', () => clearInterval(timer));
}
