// What is said around a call: it waits, it is over, it is not there, something went wrong.
import { useState } from 'react';
import { callFault, type CallState, type Fault } from '@thalweg/client';
import { useCall, useInfo, useNotify } from '@thalweg/react';
import { makeCall } from '../make';
import { MessagePage } from '../parts/message-page';
import { go, type Kind } from '../route';
import type { Session } from '../session';
import { WORDS, whenOf } from '../words';

const HOME = { label: 'To the start page', onPress: () => go('/') };

/** At the door of a call that is not live. */
export function Waiting({ title }: { title: string }) {
  const call = useCall();
  const info = useInfo();
  const [starts, been] = [info?.starts_at_ms ?? null, info?.live_at_ms != null];
  const text = been ? 'The host has stopped for now.' : starts !== null && starts > Date.now() ? `It begins ${whenOf(starts).toLowerCase()}.` : 'The host is still getting ready.';
  return (
    <MessagePage title={title} text={`${text} Stay here: this page opens by itself.`} second={{ label: 'Leave', onPress: () => void call.leave().then(() => go('/')) }}>
      <span className="waiting" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
    </MessagePage>
  );
}

/** After a call. */
export function Farewell({ state, kind, onReturn }: { state: CallState & { status: 'left' }; kind: Kind; onReturn: () => void }) {
  const noun = WORDS[kind].noun.toLowerCase();
  const final = state.why === 'ended' || state.why === 'removed';
  return (
    <MessagePage
      title={state.fault?.title ?? `You left the ${noun}`}
      text={state.fault?.advice ?? 'You can come back at any time.'}
      action={final ? HOME : { label: 'Join again', onPress: onReturn }}
      second={final ? undefined : HOME}
    />
  );
}

/** A call that is over for good. */
export function Ended({ title, kind }: { title: string; kind: Kind }) {
  const at = useInfo()?.ended_at_ms;
  return <MessagePage title={`${title} is over`} text={`This ${WORDS[kind].noun.toLowerCase()} ended${at ? ` ${whenOf(at).toLowerCase()}` : ''}.`} action={HOME} />;
}

/** A room or a livestream that nobody made. */
export function Absent({ session, kind, id, onMade }: { session: Session; kind: Kind; id: string; onMade: () => void }) {
  const noun = WORDS[kind].noun.toLowerCase();
  const notify = useNotify();
  const [busy, setBusy] = useState(false);
  const make = async (): Promise<void> => {
    setBusy(true);
    try {
      await makeCall(session, kind, id, {});
      onMade();
    } catch (error) {
      const { title, advice } = callFault(error);
      notify({ title, text: advice, look: 'warn' });
      setBusy(false);
    }
  };
  return (
    <MessagePage
      title={`There is no ${noun} here`}
      text="The link may have lost a letter, or nobody has begun yet. You can look again, or begin it yourself."
      action={{ label: busy ? 'One moment…' : `Begin the ${noun}`, onPress: () => void make() }}
      second={{ label: 'Look again', onPress: onMade }}
    />
  );
}

/** The server said no, or nothing. */
export function Trouble({ fault, onRetry }: { fault: Fault; onRetry: () => void }) {
  return <MessagePage title={fault.title} text={fault.advice} action={{ label: 'Try again', onPress: onRetry }} second={HOME} />;
}
