// What the kinds of calls are called.
import type { IconName } from '@thalweg/react';
import type { Kind } from './route';

/** A kind in words. */
export interface KindWords {
  noun: string;
  start: string;
  about: string;
  icon: IconName;
}

export const WORDS: Record<Kind, KindWords> = {
  meet: { noun: 'Meeting', start: 'New meeting', about: 'Everybody sees and hears everybody', icon: 'people' },
  talk: { noun: 'Audio room', start: 'New audio room', about: 'A few speak, listeners raise their hands', icon: 'mic' },
  live: { noun: 'Livestream', start: 'New livestream', about: 'You show, as many as like look on', icon: 'broadcast' },
};

/** A day and a time, near ones in words. */
export function whenOf(ms: number, now = Date.now()): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const days = Math.floor((new Date(ms).setHours(0, 0, 0, 0) - midnight) / 86_400_000 + 0.5);
  if (days === 0) return `Today, ${time}`;
  if (days === 1) return `Tomorrow, ${time}`;
  if (days === -1) return `Yesterday, ${time}`;
  return `${date.toLocaleDateString([], { weekday: 'short', day: 'numeric', month: 'short' })}, ${time}`;
}
