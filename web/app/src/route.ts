// Which page an address stands for, and the way from one to another without loading anew.
import { useSyncExternalStore } from 'react';

/** The kinds of calls that have pages, by the first word of their path. */
export const KINDS = { meet: 'default', talk: 'audio_room', live: 'livestream' } as const;

/** The first word of a call's path. */
export type Kind = keyof typeof KINDS;

/** A page. */
export type Route = { page: 'home' } | { page: 'call'; kind: Kind; id: string } | { page: 'nowhere' };

/** What a call's id may be made of, and how long it may be. */
const ID = /^[A-Za-z0-9_.@-]{1,64}$/;

/** The page of a path. */
export function routeOf(path: string): Route {
  const [, kind = '', id = '', rest] = path.split('/');
  if (kind === '') return { page: 'home' };
  if (rest === undefined && kind in KINDS && ID.test(decode(id))) return { page: 'call', kind: kind as Kind, id: decode(id) };
  return { page: 'nowhere' };
}

/** The address of a call's page. */
export function callPath(kind: Kind, id: string): string {
  return `/${kind}/${encodeURIComponent(id)}`;
}

/** The kind of a call type; other types meet. */
export function kindOf(type: string): Kind {
  return type === 'audio_room' ? 'talk' : type === 'livestream' ? 'live' : 'meet';
}

/** Reads what somebody pastes: a link, a path, `type:id`, or only an id. Nothing when it can be none. */
export function readInvitation(text: string): { kind: Kind; id: string } | undefined {
  const given = text.trim();
  const path = given.includes('/') ? pathOf(given) : `/meet/${given}`;
  const [type, id, more] = given.split(':');
  const route = !given.includes('/') && id && more === undefined ? routeOf(callPath(kindOf(type ?? ''), id)) : routeOf(path);
  return route.page === 'call' ? { kind: route.kind, id: route.id } : undefined;
}

/** Goes to a path. */
export function go(path: string): void {
  history.pushState(null, '', path);
  dispatchEvent(new PopStateEvent('popstate'));
}

/** The page that is shown. */
export function useRoute(): Route {
  return routeOf(useSyncExternalStore(onMove, () => location.pathname));
}

function onMove(listener: () => void): () => void {
  addEventListener('popstate', listener);
  return () => removeEventListener('popstate', listener);
}

function pathOf(link: string): string {
  try {
    return new URL(link, location.origin).pathname;
  } catch {
    return '';
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
