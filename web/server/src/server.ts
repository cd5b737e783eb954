// The server, as a back end that holds its secret sees it.
import type { CallEvent, CallInfo, CallQuery, CallType, Role, User, UserWish } from '@thalweg/api';
import { ServerCall } from './call.js';
import { ThalwegError, refusal } from './error.js';
import { digest, holds, sign, verify } from './token.js';

/** How to reach a server, and with which key. */
export interface ServerOptions {
  /** The server: `https://calls.example.com`. `THALWEG_URL` when left out. */
  url?: string;
  /** The API key. `THALWEG_API_KEY` when left out. */
  apiKey?: string;
  /** Its secret, which never leaves the back end. `THALWEG_API_SECRET` when left out. */
  apiSecret?: string;
}

/** What a user's token says. */
export interface TokenOptions {
  /** How long it is good for, in seconds; an hour when left out. */
  ttl_s?: number;
  /** The role that it gives; the user's own when left out. */
  role?: Role;
  /** The only calls that it is good for, such as `default:standup`; all when left out. */
  calls?: string[];
}

/** What a webhook tells: of a call in our words, or of a room in LiveKit's. */
export type WebhookEvent = CallEvent | ({ event: string; id: string } & Record<string, unknown>);

/** Asks the Calls API. @internal */
export type Ask = <T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) => Promise<T>;

/** Life of a user's token that names none, and of those that this signs for itself, in seconds. */
const TTL_S = 3600;
const OWN_TTL_S = 60;
/** How far the clocks may differ, in seconds. */
const LEEWAY_S = 60;
/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 15_000;

/** A server and the key to it. It holds no connection and needs no closing. */
export class ThalwegServer {
  /** The server's address. */
  readonly url: string;
  /** The API key; clients may know it. */
  readonly apiKey: string;
  readonly #secret: string;

  constructor(options: ServerOptions = {}) {
    const { THALWEG_URL, THALWEG_API_KEY, THALWEG_API_SECRET } = process.env;
    const given = (value: string | undefined, what: string): string => {
      if (!value) throw new ThalwegError('invalid', `${what} is missing: give it to ThalwegServer or set it in the environment`);
      return value;
    };
    this.url = given(options.url ?? THALWEG_URL, 'url (THALWEG_URL)').replace(/^ws/, 'http').replace(/\/+$/, '');
    this.apiKey = given(options.apiKey ?? THALWEG_API_KEY, 'apiKey (THALWEG_API_KEY)');
    this.#secret = given(options.apiSecret ?? THALWEG_API_SECRET, 'apiSecret (THALWEG_API_SECRET)');
  }

  /** A token for a user, signed here: the server is not asked. Give it to nobody but the user, after checking who it is. */
  createToken(user: string, options: TokenOptions = {}): string {
    if (user === '' || user.startsWith('@')) throw new ThalwegError('invalid', `${JSON.stringify(user)} is no user's id: it must not be empty, and those that begin with @ are the server's own`);
    const { ttl_s = TTL_S, role, calls } = options;
    const now = nowS();
    return sign({ iss: this.apiKey, sub: user, iat: now, exp: now + ttl_s, ...(role === undefined ? {} : { role }), ...(calls === undefined ? {} : { calls }) }, this.#secret);
  }

  /** A token that may do everything, for other back ends. */
  createServerToken(ttl_s = OWN_TTL_S): string {
    const now = nowS();
    return sign({ iss: this.apiKey, server: true, iat: now, exp: now + ttl_s }, this.#secret);
  }

  /** A call by type and id. The server is not asked yet. */
  call(type: CallType, id: string): ServerCall {
    return new ServerCall(type, id, this.#ask);
  }

  /** Calls: filtered, sorted, page by page. */
  async queryCalls(query: CallQuery = {}): Promise<{ calls: CallInfo[]; next: string | null }> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    return this.#ask('GET', `/calls?${new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)])))}`);
  }

  /** Makes users, or changes them: up to 100; what is left out of one is empty afterwards. */
  async upsertUsers(...users: UserWish[]): Promise<User[]> {
    return (await this.#ask<{ users: User[] }>('PUT', '/users', { users })).users;
  }

  /** A user. */
  async user(id: string): Promise<User> {
    return (await this.#ask<{ user: User }>('GET', `/users/${encodeURIComponent(id)}`)).user;
  }

  /** Voids a user's tokens that were issued before a second (by default all until now), and ends the sessions that began with one. */
  async revokeUser(id: string, issued_before_s?: number): Promise<void> {
    await this.#ask('POST', `/users/${encodeURIComponent(id)}/revoke`, issued_before_s === undefined ? {} : { issued_before_s });
  }

  /** The same for everybody's tokens. */
  async revokeAll(issued_before_s?: number): Promise<void> {
    await this.#ask('POST', '/tokens/revoke', issued_before_s === undefined ? {} : { issued_before_s });
  }

  /**
   * The event of a webhook, once it is sure that this server sent it.
   *
   * `body` is the request's body as it came, before any parser; `authorization` is that header. Throws `webhook_invalid`.
   */
  readWebhook(body: string | Uint8Array, authorization: string | null | undefined): WebhookEvent {
    const wrong = (why: string): ThalwegError => new ThalwegError('webhook_invalid', `the webhook is not from this server: ${why}`);
    if (!authorization) throw wrong('it has no Authorization header');
    const claims = verify(authorization.replace(/^Bearer\s+/i, ''), this.#secret, nowS(), LEEWAY_S);
    if (!claims || claims['iss'] !== this.apiKey) throw wrong('it is not signed with this API key, or too old');
    if (!holds(claims['sha256'], digest(body))) throw wrong('its body is not the one that was signed');
    try {
      return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as WebhookEvent;
    } catch {
      throw wrong('its body is not JSON');
    }
  }

  readonly #ask: Ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { authorization: `Bearer ${this.createServerToken()}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    let answer: Response;
    try {
      answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw Object.assign(new ThalwegError('unreachable', `the server at ${this.url} does not answer`), { cause });
    }
    const read: unknown = await answer.json().catch(() => undefined);
    if (!answer.ok) throw refusal(answer.status, read, answer.headers.get('retry-after'));
    return read as T;
  };
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
