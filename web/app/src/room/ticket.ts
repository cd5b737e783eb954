// A ticket is what opens a room: the server's WebSocket address and a token.

/** Where to connect and with what. */
export interface Ticket {
  url: string;
  token: string;
}

/** Why no ticket could be had, in words for the person at the page. */
export class TicketRefused extends Error {
  /** True when pasting a token would help. */
  readonly needsToken: boolean;

  constructor(message: string, needsToken: boolean) {
    super(message);
    this.needsToken = needsToken;
  }
}

/** The WebSocket address of the host that served this page. */
export function ownUrl(): string {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}`;
}

/** Takes the pasted token, or asks the server's dev endpoint (`GET /dev/token`) for one. */
export async function ticket(room: string, name: string, pasted: Partial<Ticket>): Promise<Ticket> {
  const url = pasted.url || ownUrl();
  if (pasted.token) return { url, token: pasted.token };
  const ask = new URL('/dev/token', url.replace(/^ws/, 'http'));
  ask.search = new URLSearchParams({ room, identity: identity(name), name }).toString();
  const answer = await fetch(ask).catch(() => {
    throw new TicketRefused(`The server at ${ask.host} does not answer. Check that it runs and that you are online.`, false);
  });
  if (!answer.ok) throw refusal(answer.status, (await answer.text()).trim());
  const body = (await answer.json().catch(() => ({}))) as Partial<Ticket>;
  if (typeof body.token !== 'string') throw refusal(404, '');
  return { url: pasted.url || body.url || url, token: body.token };
}

/** The room that a token opens, for showing it; nothing is verified here. */
export function roomOfToken(token: string): string | undefined {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')));
    return claims.video?.room || undefined;
  } catch {
    return undefined;
  }
}

function refusal(status: number, text: string): TicketRefused {
  if (status === 404 || status === 405) {
    return new TicketRefused(
      'This server hands out no tokens, because it does not run in dev mode. Paste a token from your app.',
      true,
    );
  }
  return new TicketRefused(`The server refused a token (${status})${text ? `: ${text}` : '.'}`, true);
}

/** Two people of one name must not throw each other out, so that the identity gets a random tail. */
function identity(name: string): string {
  const base = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'guest';
  const tail = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${base.slice(0, 40)}-${tail.toString(36).padStart(7, '0').slice(-5)}`;
}
