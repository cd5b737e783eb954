// Who looks at the page, and what lets them in: a token from a link, development mode, or the server's welcome for guests.
import { ThalwegError, type ThalwegClient } from '@thalweg/client';
import { claimUser } from './identity';
import { keep, kept } from './kept';

/** How somebody came in. */
export type Way = 'development' | 'token' | 'guest';

/** Somebody who is in. */
export interface Session {
  readonly client: ThalwegClient;
  readonly way: Way;
}

/** Why nobody is in: no door is open, the token's time is over, or the server is away. */
export type Shut = 'no-token' | 'expired' | 'unreachable';

/** Takes the first door that is open. */
export async function openSession(): Promise<Session | Shut> {
  const token = takeToken();
  const { ThalwegClient } = await import('./client');
  if (token !== '') {
    if (isOver(token)) {
      keep('token', '', 'session');
      return 'expired';
    }
    return { way: 'token', client: new ThalwegClient({ token }) };
  }
  try {
    const user = await claimUser();
    const first = await developmentToken(user);
    if (first !== undefined) {
      const client = new ThalwegClient({ user: { id: user }, token: first, tokenProvider: async () => (await developmentToken(user)) ?? '' });
      return { way: 'development', client };
    }
    return { way: 'guest', client: await ThalwegClient.guest({ name: kept('name') }) };
  } catch (error) {
    return error instanceof ThalwegError && error.status !== undefined ? 'no-token' : 'unreachable';
  }
}

/** Keeps a pasted token for this tab. Answers whether it can be one. */
export function giveToken(text: string): boolean {
  const token = tokenIn(text.trim());
  if (token === undefined || isOver(token)) return false;
  keep('token', token, 'session');
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
