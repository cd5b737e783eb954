// Short messages at the edge of the page, read aloud by screen readers.
import { createContext, useCallback, useContext, useState, type ReactNode } from 'react';
import { callFault } from '@thalweg/client';
import { Icon } from '../icon.js';
import { Button } from './button.js';

/** How long a notice stays, in milliseconds: long enough to read two lines twice. */
const STAY_MS = 9000;
/** More notices than this push out the oldest, so that they never cover the call. */
const NOTICES_MAX = 3;

/** A message. */
export interface Notice {
  title: string;
  text?: string | undefined;
  /** With `warn` it carries a sign. */
  look?: 'plain' | 'warn';
}

const NoticeContext = createContext<(notice: Notice) => void>(() => undefined);

/** Gives the way to show a notice. Without a `Notices` around it nothing is shown. */
export function useNotify(): (notice: Notice) => void {
  return useContext(NoticeContext);
}

/** Does something with the call, and tells in a notice why when it fails. Answers whether it was done. */
export function useAttempt(): (act: () => Promise<unknown>) => Promise<boolean> {
  const notify = useNotify();
  return useCallback(
    async (act) => {
      try {
        await act();
        return true;
      } catch (error) {
        const { title, advice } = callFault(error);
        notify({ title, text: advice, look: 'warn' });
        return false;
      }
    },
    [notify],
  );
}

/** The shelf on which notices stand. */
export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<(Notice & { key: number })[]>([]);
  const drop = useCallback((key: number) => setNotices((all) => all.filter((each) => each.key !== key)), []);
  const notify = useCallback(
    (notice: Notice) => {
      const key = performance.now() + Math.random();
      const again = (each: Notice): boolean => each.title === notice.title && each.text === notice.text;
      setNotices((all) => [...all.filter((each) => !again(each)), { ...notice, key }].slice(-NOTICES_MAX));
      setTimeout(() => drop(key), STAY_MS);
    },
    [drop],
  );
  return (
    <NoticeContext value={notify}>
      {children}
      <div className="th th-notices" role="status" aria-live="polite">
        {notices.map(({ key, title, text, look }) => (
          <div key={key} className="th-notice">
            {look === 'warn' && <Icon name="warn" />}
            <div className="th-notice-text">
              <strong>{title}</strong>
              {text && <span>{text}</span>}
            </div>
            <Button look="plain" aria-label="Dismiss" onClick={() => drop(key)}>
              <Icon name="close" />
            </Button>
          </div>
        ))}
      </div>
    </NoticeContext>
  );
}
