// One press from here to a new call.
import { useState } from 'react';
import { callFault } from '@thalweg/client';
import { Icon, useNotify } from '@thalweg/react';
import { makeCall } from '../make';
import { freshName } from '../name';
import { callPath, go, KINDS, type Kind } from '../route';
import type { Session } from '../session';
import { WORDS } from '../words';

export function StartCards({ session }: { session: Session | undefined }) {
  const notify = useNotify();
  const [making, setMaking] = useState<Kind>();
  const start = async (kind: Kind): Promise<void> => {
    if (!session || making) return;
    setMaking(kind);
    const id = freshName();
    try {
      await makeCall(session, kind, id, {});
      go(callPath(kind, id));
    } catch (error) {
      const { title, advice } = callFault(error);
      notify({ title, text: advice, look: 'warn' });
      setMaking(undefined);
    }
  };
  return (
    <ul className="start-cards">
      {(Object.keys(KINDS) as Kind[]).map((kind) => (
        <li key={kind}>
          <button type="button" className="start-card" data-kind={kind} disabled={!session} aria-busy={making === kind} onClick={() => void start(kind)}>
            <span className="start-icon">{making === kind ? <span className="th-spinner" /> : <Icon name={WORDS[kind].icon} />}</span>
            <span className="start-words">
              <strong>{WORDS[kind].start}</strong>
              <span>{WORDS[kind].about}</span>
            </span>
            <Icon name="next" />
          </button>
        </li>
      ))}
    </ul>
  );
}
