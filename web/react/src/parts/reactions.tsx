// Reactions: a button to send one, and those of all that rise over the call.
import { useEffect, useRef, useState, type CSSProperties } from 'react';
import { useCallEvent, useCan } from '../hooks/call.js';
import { useCall } from '../provider.js';
import { useAttempt } from './notices.js';
import { RoundButton } from './round-button.js';

/** What can be sent, and what it is called. */
const REACTIONS: Readonly<Record<string, string>> = { '👍': 'Thumbs up', '❤️': 'Heart', '👏': 'Applause', '😂': 'Laughter', '😮': 'Surprise', '🎉': 'Party' };
/** How long one rises, in milliseconds; the style sheet has the same. */
const RISE_MS = 3200;
/** Those that rise at a time; beyond, the oldest ends early. */
const RISING_MAX = 30;

/** The button with the choice of reactions. */
export function ReactionButton() {
  const call = useCall();
  const may = useCan('send-events');
  const attempt = useAttempt();
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event): void => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('keydown', close);
    };
  }, [open]);
  if (!may) return null;
  const send = (reaction: string): void => {
    setOpen(false);
    void attempt(() => call.react(reaction));
  };
  return (
    <span className="th-popover" ref={place}>
      <RoundButton icon="smile" label="React" pressed={open} onPress={() => setOpen(!open)} />
      {open && (
        <span className="th-popover-body" role="group" aria-label="Reactions">
          {Object.entries(REACTIONS).map(([reaction, name]) => (
            <button key={reaction} type="button" aria-label={name} onClick={() => send(reaction)}>
              {reaction}
            </button>
          ))}
        </span>
      )}
    </span>
  );
}

/** The reactions of all, which rise from the foot of what they stand in. */
export function ReactionRise() {
  const [rising, setRising] = useState<{ id: string; reaction: string; at: number }[]>([]);
  useCallEvent('call_reaction', ({ id, reaction }) => {
    if (!(reaction in REACTIONS)) return;
    setRising((all) => [...all, { id, reaction, at: 15 + Math.random() * 70 }].slice(-RISING_MAX));
    setTimeout(() => setRising((all) => all.filter((each) => each.id !== id)), RISE_MS);
  });
  return (
    <div className="th-reactions" aria-hidden="true">
      {rising.map(({ id, reaction, at }) => (
        <span key={id} style={{ '--th-at': `${at}%` } as CSSProperties}>
          {reaction}
        </span>
      ))}
    </div>
  );
}
