// The head of a running call: its title, how many are there, and the link to send.
import type { ReactNode } from 'react';
import { CopyButton } from '@thalweg/react';
import { Brand } from './brand';
import { ThemeButton } from './theme-button';

export function CallTop({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="top call-top">
      <Brand />
      <h1 className="call-title">{title}</h1>
      {children}
      <CopyButton bare look="plain" text={invitation()} label="Copy the link to this call" />
      <ThemeButton />
    </header>
  );
}

/** The link to hand to somebody else. */
export function invitation(): string {
  return location.origin + location.pathname;
}
