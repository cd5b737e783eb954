// The user's token: fetched when needed, renewed before it ends, tried again with growing pauses when that fails.
import { pauseMs } from './backoff.js';
import { ThalwegError } from './error.js';
import { Emitter } from './observable.js';

/** Gives a fresh token of the user, from the app's back end. */
export type TokenProvider = () => string | Promise<string>;

/** What a token says of itself; nothing is verified here. */
export interface Claims {
  /** The user's id. */
  sub?: string;
  /** The API key that signed it. */
  iss?: string;
  /** When it was issued and when it ends, in seconds since 1970. */
  iat?: number;
  exp?: number;
}

/** A token is renewed when half of its life is left, but not more than this before its end, in milliseconds. */
const AHEAD_MAX_MS = 60_000;
/** The longest time that a browser's timer can hold, in milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** A token that has less left is not used for a request that could take as long, in milliseconds. */
const SPARE_MS = 2_000;

/** Reads a token's claims; nothing when it is no token. */
export function claimsOf(token: string): Claims | undefined {
  try {
    const bytes = Uint8Array.from(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** When to renew a token, in milliseconds since 1970. `claims.iat` may be of another clock: only the token's length is taken of it. */
export function renewalMs(claims: Claims, gotMs: number): number | undefined {
  if (claims.exp === undefined) return undefined;
  const endMs = claims.exp * 1000;
  const lifeMs = claims.iat === undefined ? endMs - gotMs : (claims.exp - claims.iat) * 1000;
  return Math.max(gotMs, endMs - Math.min(Math.max(lifeMs, 0) / 2, AHEAD_MAX_MS));
}

/** Keeps the user's token fresh. */
export class TokenKeeper {
  /** `renewed` with every new token; `failed` with every try that gave none. */
  readonly events = new Emitter<{ renewed: string; failed: ThalwegError }>();
  #token: string | undefined;
  #endMs = Infinity;
  #asked: Promise<string> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    private readonly user: string | undefined,
    private readonly apiKey: string | undefined,
    private readonly provider: TokenProvider | undefined,
    token: string | undefined,
  ) {
    if (token !== undefined) this.#keep(token);
  }

  /** A token that is good for a request now. */
  async current(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#endMs - SPARE_MS) return this.#token;
    return this.renew();
  }

  /** Asks for a new token, once at a time. `stale` is a token that the server took no more: a newer one is taken as it is. */
  async renew(stale?: string): Promise<string> {
    if (stale !== undefined && this.#token !== undefined && this.#token !== stale) return this.#token;
    this.#asked ??= this.#ask().finally(() => (this.#asked = undefined));
    return this.#asked;
  }

  /** Whether a new token can be had at all. */
  get renewable(): boolean {
    return this.provider !== undefined;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<string> {
    if (!this.provider) {
      throw new ThalwegError('token_expired', 'the token has ended, and there is no tokenProvider to ask for a new one');
    }
    let token: string;
    try {
      token = await this.provider();
    } catch (cause) {
      const error = new ThalwegError('token_provider', `the token provider failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      this.events.emit('failed', error);
      throw error;
    }
    this.#keep(token);
    return token;
  }

  #keep(token: string): void {
    const claims = claimsOf(token);
    const wrong = this.#wrong(token, claims);
    if (wrong) throw wrong;
    this.#token = token;
    this.#endMs = claims?.exp === undefined ? Infinity : claims.exp * 1000;
    this.events.emit('renewed', token);
    const at = this.provider && claims ? renewalMs(claims, Date.now()) : undefined;
    if (at !== undefined) this.#schedule(Math.max(at - Date.now(), SPARE_MS / 2), 0);
  }

  #wrong(token: string, claims: Claims | undefined): ThalwegError | undefined {
    const invalid = (message: string): ThalwegError => new ThalwegError('token_invalid', message);
    if (!claims) return invalid(typeof token === 'string' ? 'the token is no JSON Web Token' : 'the token provider must give a text');
    if (this.user !== undefined && claims.sub !== this.user) return invalid(`the token is of the user ${claims.sub}, not of ${this.user}`);
    if (this.apiKey !== undefined && claims.iss !== undefined && claims.iss !== this.apiKey) {
      return invalid(`the token was signed with the API key ${claims.iss}, not with ${this.apiKey}`);
    }
    return undefined;
  }

  #schedule(ms: number, attempt: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    if (ms > TIMER_MAX_MS) {
      this.#timer = setTimeout(() => this.#schedule(ms - TIMER_MAX_MS, attempt), TIMER_MAX_MS);
      return;
    }
    this.#timer = setTimeout(() => {
      this.renew().catch(() => this.#schedule(pauseMs(attempt, Math.random()), attempt + 1));
    }, ms);
  }
}
