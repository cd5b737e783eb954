// The head of a page: the way home, and whatever stands at its end.
import type { ReactNode } from 'react';
import { go } from '../route';
import { Brand } from './brand';
import { ThemeButton } from './theme-button';

export function Top({ children, home = true }: { children?: ReactNode; home?: boolean }) {
  return (
    <header className="top">
      <Brand onHome={home ? () => go('/') : undefined} />
      {children}
      <ThemeButton />
    </header>
  );
}
