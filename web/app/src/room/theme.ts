// Dark or light: the system's choice until the person makes another, which is kept.
import { el, icon } from './dom';

const KEY = 'thalweg.theme';

/** The button that changes between dark and light. */
export function themeButton(): HTMLElement {
  return el(
    'button',
    { class: 'plain', type: 'button', 'aria-label': 'Change between dark and light', title: 'Dark or light', onclick: toggle },
    icon('theme'),
  );
}

function toggle(): void {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  const next = dark ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage may be closed to this page; the choice then lasts until it is closed.
  }
}
