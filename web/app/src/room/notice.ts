// Short messages at the edge of the page, read aloud by screen readers.
import { el, icon } from './dom';
import type { Fault } from './fault';

/** How long a notice stays, in milliseconds: long enough to read two lines twice. */
const STAY_MS = 9000;
/** More notices than this push out the oldest, so that they never cover the call. */
const NOTICES_MAX = 3;

/** Shows a fault until it is dismissed or its time is over. */
export function notifyFault(fault: Fault): void {
  notify(fault.title, fault.advice, 'warn');
}

/** Shows a message. The same message is not shown twice at once. */
export function notify(title: string, text = '', look: 'warn' | 'plain' = 'plain'): void {
  const shelf = document.getElementById('notices');
  if (!shelf) return;
  const key = `${title}\n${text}`;
  for (const old of [...shelf.children]) if (old instanceof HTMLElement && old.dataset.key === key) old.remove();
  const notice = el(
    'div',
    { class: `notice ${look}`, 'data-key': key },
    look === 'warn' && icon('warn'),
    el('div', { class: 'notice-text' }, el('strong', {}, title), text !== '' && el('span', {}, text)),
    el('button', { class: 'plain', type: 'button', 'aria-label': 'Dismiss', onclick: () => notice.remove() }, icon('close')),
  );
  shelf.append(notice);
  while (shelf.children.length > NOTICES_MAX) shelf.firstElementChild?.remove();
  setTimeout(() => notice.remove(), STAY_MS);
}
