// A new call, of the kind that a person chose.
import type { CallInfo, CallWish } from '@thalweg/client';
import { KINDS, type Kind } from './route';
import { developmentToken, type Session } from './session';

/** Makes a call if it is not there. A livestream needs a host's role, which development mode gives for the asking. */
export async function makeCall({ client, way }: Session, kind: Kind, id: string, wish: CallWish): Promise<CallInfo> {
  const user = client.userId;
  if (kind !== 'live' || way !== 'development' || user === undefined) return client.call(KINDS[kind], id).getOrCreate(wish);
  const { ThalwegClient } = await import('./client');
  const host = new ThalwegClient({ token: (await developmentToken(user, 'host')) ?? '', memory: false });
  try {
    return await host.call(KINDS[kind], id).getOrCreate(wish);
  } finally {
    await host.close();
  }
}

/** What a call is called: its title, else its id. */
export function titleOf(info: CallInfo | undefined, id: string): string {
  const title = info?.custom['title'];
  return typeof title === 'string' && title !== '' ? title : id;
}
