// The page of one call, from the first look at it to the farewell.
import { useEffect, useMemo, useRef, useState } from 'react';
import { CallProvider, useCallState, useClient, useInfo } from '@thalweg/react';
import { Loading } from '../parts/loading';
import { KINDS, type Kind } from '../route';
import type { Session } from '../session';
import { WORDS } from '../words';
import { titleOf } from '../make';
import { useFound } from '../found';
import { Absent, Ended, Farewell, Trouble, Waiting } from './around-call';
import { AudioRoom } from './audio-room';
import { Entrance } from './entrance';
import { Livestream } from './livestream';
import { Meeting } from './meeting';

export interface CallPageProps {
  session: Session;
  kind: Kind;
  id: string;
}

export default function CallPage(props: CallPageProps) {
  const client = useClient();
  const call = useMemo(() => client.call(KINDS[props.kind], props.id), [client, props.kind, props.id]);
  useEffect(() => () => void call.leave(), [call]);
  return (
    <CallProvider call={call}>
      <CallView {...props} />
    </CallProvider>
  );
}

const INSIDE = { meet: Meeting, talk: AudioRoom, live: Livestream } as const;

function CallView({ session, kind, id }: CallPageProps) {
  const [found, look] = useFound();
  const info = useInfo();
  const state = useCallState();
  const been = useRef(false);
  const [returning, setReturning] = useState(false);
  const title = titleOf(info, id);
  const inside = state.status === 'joined' || state.status === 'reconnecting';
  useEffect(() => {
    if (inside) been.current = true;
    document.title = `${title} · Thalweg`;
  }, [title, inside]);
  const Inside = INSIDE[kind];

  if (inside) return <Inside title={title} />;
  if (state.status === 'waiting') return <Waiting title={title} />;
  if (state.status === 'left' && been.current && !returning) return <Farewell state={state} kind={kind} onReturn={() => setReturning(true)} />;
  if (found.state === 'looking') return <Loading text={`Opening the ${WORDS[kind].noun.toLowerCase()}…`} />;
  if (found.state === 'fault') return <Trouble fault={found.fault} onRetry={look} />;
  if (found.state === 'absent' && kind !== 'meet') return <Absent session={session} kind={kind} id={id} onMade={look} />;
  if (info?.state === 'ended') return <Ended title={title} kind={kind} />;
  return <Entrance session={session} kind={kind} title={title} fresh={found.state === 'absent'} onIn={() => setReturning(false)} />;
}
