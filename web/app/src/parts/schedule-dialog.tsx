// Plan a call: what, when, and a link to send.
import { useState, type FormEvent } from 'react';
import { callFault } from '@thalweg/client';
import { Button, CopyButton, Dialog, useNotify } from '@thalweg/react';
import { makeCall } from '../make';
import { freshName } from '../name';
import { callPath, KINDS, type Kind } from '../route';
import type { Session } from '../session';
import { WORDS, whenOf } from '../words';

/** The longest title, in characters. */
const TITLE_MAX = 120;

interface Plan {
  kind: Kind;
  id: string;
  title: string;
  startsMs: number;
}

export function ScheduleDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [plan, setPlan] = useState<Plan>();
  return (
    <Dialog title={plan ? 'It is planned' : 'Schedule a call'} onClose={onClose}>
      {plan ? <Planned plan={plan} onClose={onClose} /> : <Planning session={session} onPlan={setPlan} />}
    </Dialog>
  );
}

function Planning({ session, onPlan }: { session: Session; onPlan: (plan: Plan) => void }) {
  const notify = useNotify();
  const [kind, setKind] = useState<Kind>('meet');
  const [title, setTitle] = useState('');
  const [when, setWhen] = useState(nextHour);
  const [busy, setBusy] = useState(false);
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const made = { kind, id: freshName(), title: title.trim(), startsMs: new Date(when).getTime() };
    try {
      await makeCall(session, kind, made.id, { starts_at_ms: made.startsMs, custom: made.title ? { title: made.title } : {} });
      onPlan(made);
    } catch (error) {
      const { title, advice } = callFault(error);
      notify({ title, text: advice, look: 'warn' });
      setBusy(false);
    }
  };
  return (
    <form className="plan" onSubmit={(event) => void save(event)}>
      <fieldset className="kinds">
        <legend className="th-hidden">Kind</legend>
        {(Object.keys(KINDS) as Kind[]).map((each) => (
          <label key={each}>
            <input type="radio" name="kind" checked={each === kind} onChange={() => setKind(each)} />
            {WORDS[each].noun}
          </label>
        ))}
      </fieldset>
      <label className="th-field">
        <span>Title</span>
        <input name="title" required maxLength={TITLE_MAX} value={title} onChange={(event) => setTitle(event.target.value)} placeholder="What is it about?" />
      </label>
      <label className="th-field">
        <span>Begins</span>
        <input name="when" type="datetime-local" required value={when} onChange={(event) => setWhen(event.target.value)} />
      </label>
      <Button type="submit" look="primary" busy={busy}>
        Schedule
      </Button>
    </form>
  );
}

function Planned({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const link = new URL(callPath(plan.kind, plan.id), location.origin).href;
  return (
    <>
      <p>
        <strong>{plan.title}</strong>, {whenOf(plan.startsMs).toLowerCase()}. Send this link to whom you want to be there:
      </p>
      <p className="link">{link}</p>
      <div className="th-row" data-end>
        <CopyButton text={link} label="Copy the link" look="primary" />
        <Button onClick={onClose}>Done</Button>
      </div>
    </>
  );
}

/** The next full hour, as the browser's field writes it. */
function nextHour(): string {
  const date = new Date(Date.now() + 3_600_000);
  date.setMinutes(0, 0, 0);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
