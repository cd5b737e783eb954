// What the browser keeps for the page. Storage may be closed to it; then things last as long as the page.

/** Reads a kept text. */
export function kept(key: string, where: 'local' | 'session' = 'local'): string {
  try {
    return storage(where).getItem(`thalweg.${key}`) ?? '';
  } catch {
    return '';
  }
}

/** Keeps a text; an empty one is forgotten. */
export function keep(key: string, value: string, where: 'local' | 'session' = 'local'): void {
  try {
    if (value === '') storage(where).removeItem(`thalweg.${key}`);
    else storage(where).setItem(`thalweg.${key}`, value);
  } catch {
    // As said above.
  }
}

function storage(where: 'local' | 'session'): Storage {
  return where === 'local' ? localStorage : sessionStorage;
}
