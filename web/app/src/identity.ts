// Who one is in development mode: the same person in this browser from day to day, and another one in each further tab.
import { keep, kept } from './kept';

/** The user's id. A tab holds it by a lock as long as it is open, so that two tabs do not throw each other out. */
export async function claimUser(): Promise<string> {
  const known = kept('user') || freshUser();
  keep('user', known);
  if (await lock(`thalweg.user.${known}`)) return known;
  const other = kept('user', 'session') || freshUser();
  keep('user', other, 'session');
  return other;
}

function freshUser(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `u-${[...bytes].map((byte) => (byte % 36).toString(36)).join('')}`;
}

/** Holds a lock until the page is closed; false when another tab has it. Without locks everybody is the first. */
function lock(name: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request(name, { ifAvailable: true }, (held) => {
      resolve(held !== null);
      return held === null ? undefined : new Promise(() => undefined);
    });
  });
}
