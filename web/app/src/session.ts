// Who looks at the page, and what lets them in: a token from a link, development mode, or the server's welcome for guests.
import type { ThalwegClient } from '@thalweg/client';
import { claimUser } from './identity';
import { keep, kept } from './kept';

/** How somebody came in. */
export type Way = 'development' | 'token' | 'guest';

/** Somebody who is in. */
export interface Session {
  readonly client: ThalwegClient;
  readonly way: Way;
  /** What the server calls the user; empty when it was not told, or not asked. */
  name: string;
}

/** Why nobody is in: no door is open, the token's time is over, or the server is away. */
export type Shut = 'no-token' | 'expired' | 'unreachable';

/** Takes the first door that is open. */
export async function openSession(): Promise<Session | Shut> {
  const token = takeToken();
  const guest = kept('guest', 'session') !== '';
  if (token !== '' && !isOver(token)) return withToken(token, guest ? 'guest' : 'token');
  keep('token', '', 'session');
  if (token !== '' && !guest) return 'expired';
  try {
    return (await inDevelopment()) ?? (await asGuest());
  } catch {
    return 'unreachable';
  }
}

/** With a token alone: from an app, or a guest's of before. */
async function withToken(token: string, way: Way): Promise<Session> {
  const { ThalwegClient } = await import('./client');
  const client = new ThalwegClient({ token });
  const user = await client.user(client.userId ?? '').catch(() => undefined);
  return { client, way, name: user?.name ?? '' };
}

/** In development mode, where the server gives tokens for the asking. */
async function inDevelopment(): Promise<Session | undefined> {
  const [user, { ThalwegClient }] = await Promise.all([claimUser(), import('./client')]);
  const token = await developmentToken(user);
  if (token === undefined) return undefined;
  const tokenProvider = async (): Promise<string> => (await developmentToken(user)) ?? '';
  return { client: new ThalwegClient({ user: { id: user }, token, tokenProvider }), way: 'development', name: '' };
}

/** As a guest, where the server lets guests in. The same tab stays the same guest. */
async function asGuest(): Promise<Session | Shut> {
  const name = kept('name');
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch('/api/v1/guests', { method: 'POST', headers, body: JSON.stringify({ name }) });
  if (!answer.ok) return 'no-token';
  const { token } = (await answer.json()) as { token: string };
  keep('token', token, 'session');
  keep('guest', 'yes', 'session');
  return withToken(token, 'guest');
}

/** Keeps a pasted token for this tab. Answers whether it can be one. */
export function giveToken(text: string): boolean {
  const token = tokenIn(text.trim());
  if (token === undefined || isOver(token)) return false;
  keep('token', token, 'session');
  keep('guest', '', 'session');
  return true;
}

/** A token from development mode, of the user with a role if one is named; nothing on servers that have no such door. */
export async function developmentToken(user: string, role?: string): Promise<string | undefined> {
  const answer = await fetch(`/dev/user-token?${new URLSearchParams({ user, ...(role ? { role } : {}) }).toString()}`);
  if (!answer.ok) return undefined;
  const body = (await answer.json().catch(() => ({}))) as { token?: string };
  return body.token;
}

/** The token behind the address's `#`, which no server's log ever sees; else the one kept for this tab. */
function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    keep('token', given, 'session');
    keep('guest', '', 'session');
    history.replaceState(null, '', location.pathname + location.search);
  }
  return given ?? kept('token', 'session');
}

/** A token, or the one in a link. */
function tokenIn(text: string): string | undefined {
  const found = /[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.exec(text)?.[0];
  return found !== undefined && endOf(found) !== undefined ? found : undefined;
}

function isOver(token: string): boolean {
  return (endOf(token) ?? 0) * 1000 < Date.now();
}

/** When a token ends, in seconds since 1970; nothing when it is none. */
function endOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: number };
    return claims.exp;
  } catch {
    return undefined;
  }
}
