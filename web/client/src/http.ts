// Requests to the Calls API.
import { pause, pauseMs } from './backoff.js';
import { ThalwegError, refusal } from './error.js';
import type { TokenKeeper } from './token.js';

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 15_000;
/** How often a question that changes nothing is asked again when the server cannot be reached. */
const RETRIES = 3;
/** The longest wait that a server may ask for and get without the caller's knowing, in seconds. */
const OBEYED_S = 5;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Asks the server. */
export class Api {
  /** `base` is the server's address without a path: `https://calls.example.com`. */
  constructor(
    readonly base: string,
    private readonly tokens: TokenKeeper | undefined,
  ) {}

  /** Asks, with the user's token; a token that has just ended is renewed once. */
  async ask<T>(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#withToken<T>(method, path, body, signal);
      } catch (error) {
        const wait = attempt < RETRIES ? waitMs(error, method, attempt) : undefined;
        if (wait === undefined || signal?.aborted) throw error;
        await pause(wait, signal);
        if (signal?.aborted) throw error;
      }
    }
  }

  async #withToken<T>(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const token = await this.tokens?.current();
    try {
      return await this.#once<T>(method, path, body, token, signal);
    } catch (error) {
      const old = error instanceof ThalwegError && (error.code === 'token_expired' || error.code === 'token_revoked');
      if (!old || !this.tokens?.renewable) throw error;
      return this.#once<T>(method, path, body, await this.tokens.renew(token), signal);
    }
  }

  async #once<T>(method: Method, path: string, body: object | undefined, token: string | undefined, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = {};
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    timeout.addEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    try {
      const answer = await fetch(`${this.base}/api/v1${path}`, {
        method, headers, signal: stop.signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const read: unknown = await answer.json().catch(() => undefined);
      if (!answer.ok) throw refusal(answer.status, read, answer.headers.get('retry-after'));
      return read as T;
    } catch (cause) {
      if (cause instanceof ThalwegError) throw cause;
      if (signal?.aborted) throw new ThalwegError('cancelled', 'it was called off', { cause });
      throw new ThalwegError('unreachable', `the server at ${this.base} does not answer`, { cause });
    } finally {
      timeout.removeEventListener('abort', abort);
      signal?.removeEventListener('abort', abort);
    }
  }
}

/** How long to wait before asking again; nothing when that would be wrong. What may have been done is not asked for twice. */
export function waitMs(error: unknown, method: Method, attempt: number): number | undefined {
  if (!(error instanceof ThalwegError)) return undefined;
  const told = error.retryAfterS;
  if ((error.code === 'rate_limited' || error.code === 'unavailable') && error.status !== undefined && told !== undefined) {
    return told <= OBEYED_S ? told * 1000 : undefined;
  }
  const passing = error.code === 'unreachable' || error.code === 'unavailable';
  return passing && method === 'GET' ? pauseMs(attempt, Math.random()) : undefined;
}

/** The address without a path: `ws:` and `wss:` are taken for `http:` and `https:`. */
export function baseOf(url: string): string {
  let read: URL;
  try {
    read = new URL(url);
  } catch {
    throw new ThalwegError('invalid', `url must be the server's address, such as https://calls.example.com, not ${JSON.stringify(url)}`);
  }
  const scheme = read.protocol.replace(/^ws/, 'http');
  if (scheme !== 'http:' && scheme !== 'https:') throw new ThalwegError('invalid', `url must begin with https:// or http://, not ${read.protocol}`);
  return `${scheme}//${read.host}`;
}

/** A name as a part of a path. */
export function part(name: string | number): string {
  return encodeURIComponent(name);
}

/** The query of what is given. */
export function query(given: object): string {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
