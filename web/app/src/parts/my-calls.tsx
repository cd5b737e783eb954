// The calls that one made or belongs to: on now, coming up, earlier.
import { useEffect, useState } from 'react';
import { callFault, type CallInfo, type Fault } from '@thalweg/client';
import { FaultNote } from '@thalweg/react';
import type { Session } from '../session';
import { CallRow } from './call-row';

/** How many are listed; who needs more has the API. */
const LISTED = 25;

type Listed = { calls: readonly CallInfo[]; fault?: undefined } | { calls?: undefined; fault: Fault };

/** `turn` changes when the list is to be read anew. */
export function MyCalls({ session, turn }: { session: Session | undefined; turn: number }) {
  const [listed, setListed] = useState<Listed>();
  const [again, setAgain] = useState(0);
  useEffect(() => {
    if (!session) return;
    let over = false;
    setListed(undefined);
    void list(session).then((answer) => over || setListed(answer));
    return () => {
      over = true;
    };
  }, [session, turn, again]);
  if (!listed) return <Skeleton />;
  if (listed.fault) return <FaultNote title={listed.fault.title} advice={listed.fault.advice} onRetry={() => setAgain(again + 1)} />;
  if (listed.calls.length === 0) return <Empty />;
  const groups = grouped(listed.calls);
  return (
    <div className="calls">
      {groups.map(({ title, calls }) => (
        <section key={title} aria-label={title}>
          <h3>{title}</h3>
          <ul>
            {calls.map((call) => (
              <CallRow key={call.room} call={call} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

async function list({ client }: Session): Promise<Listed> {
  try {
    const { calls } = await client.query({ ...(client.userId ? { member: client.userId } : {}), limit: LISTED });
    return { calls };
  } catch (error) {
    return { fault: callFault(error) };
  }
}

function grouped(calls: readonly CallInfo[]): { title: string; calls: CallInfo[] }[] {
  const now = Date.now();
  const isOn = (call: CallInfo): boolean => call.state !== 'ended' && call.participants > 0;
  const isPlanned = (call: CallInfo): boolean => !isOn(call) && call.state !== 'ended' && (call.starts_at_ms ?? 0) > now;
  const planned = calls.filter(isPlanned).sort((left, right) => (left.starts_at_ms ?? 0) - (right.starts_at_ms ?? 0));
  const groups = [
    { title: 'On now', calls: calls.filter(isOn) },
    { title: 'Coming up', calls: planned },
    { title: 'Earlier', calls: calls.filter((call) => !isOn(call) && !isPlanned(call)) },
  ];
  return groups.filter((group) => group.calls.length > 0);
}

function Skeleton() {
  return (
    <div className="calls" role="status" aria-label="Your calls are on their way">
      {[0, 1, 2].map((row) => (
        <div key={row} className="skeleton" />
      ))}
    </div>
  );
}

function Empty() {
  return (
    <div className="calls-empty">
      <svg viewBox="0 0 120 60" aria-hidden="true">
        <path d="M4 18c18-14 28 10 46 4s26-18 66-4M4 34c20-10 30 6 48 2s28-12 64-2M4 50c20-4 32 4 50 2s30-6 62-2" />
      </svg>
      <p>
        <strong>Still water.</strong> The calls that you begin, plan, or are invited to stand here.
      </p>
    </div>
  );
}
