// The lobby of a call: its title, one's name, one's devices, and the way in.
import { FaultNote, Lobby, useCall, useCallState, useCan, useInfo, useNotify, type LobbyProps } from '@thalweg/react';
import { callFault } from '@thalweg/client';
import { keep, kept } from '../kept';
import { Contours } from '../parts/contours';
import { Top } from '../parts/top';
import type { Kind } from '../route';
import type { Session } from '../session';
import { WORDS, whenOf } from '../words';

export interface EntranceProps {
  session: Session;
  kind: Kind;
  title: string;
  /** The call is not there yet: going in makes it. */
  fresh: boolean;
  onIn: () => void;
}

export function Entrance({ session, kind, title, fresh, onIn }: EntranceProps) {
  const call = useCall();
  const info = useInfo();
  const { fault } = useCallState();
  const notify = useNotify();
  const [speaks, shows, early] = [useCan('send-audio'), useCan('send-video'), useCan('join-backstage')];
  const publishes = fresh || speaks || shows;
  const enter = async (name: string): Promise<void> => {
    try {
      if (name !== session.name) await session.client.update({ name });
      session.name = name;
      keep('name', name);
      onIn();
      // Whoever may not come in before it begins waits at the door.
      const joined = call.join({ create: fresh, wait: !early && !fresh });
      joined.catch(() => undefined);
      if (early || fresh) await joined;
    } catch (error) {
      const { title, advice } = callFault(error);
      if (call.state.value.status !== 'left') notify({ title, text: advice, look: 'warn' });
    }
  };
  return (
    <>
      <Top />
      <main className="entrance">
        <Contours />
        <Lobby name={session.name || kept('name')} action={actionOf(kind, publishes, fresh)} devices={devicesOf(kind, publishes)} problem={fault && <FaultNote title={fault.title} advice={fault.advice} />} onJoin={enter}>
          <div className="entrance-words">
            <p className="entrance-kind">{WORDS[kind].noun}</p>
            <h1>{title}</h1>
            <p className="th-soft">{standOf(kind, info?.participants ?? 0, info?.starts_at_ms ?? null, fresh)}</p>
          </div>
        </Lobby>
      </main>
    </>
  );
}

function actionOf(kind: Kind, publishes: boolean, fresh: boolean): string {
  if (kind === 'meet') return fresh ? 'Start the meeting' : 'Join';
  if (kind === 'talk') return publishes ? 'Go to the stage' : 'Come in and listen';
  return publishes ? 'Go backstage' : 'Watch';
}

function devicesOf(kind: Kind, publishes: boolean): LobbyProps['devices'] {
  if (!publishes) return 'none';
  return kind === 'talk' ? 'microphone' : 'both';
}

function standOf(kind: Kind, there: number, startsMs: number | null, fresh: boolean): string {
  if (fresh) return 'Nobody has been here yet. Whoever has the link can come.';
  if (there === 1) return kind === 'live' ? 'One person is there.' : 'One person is there already.';
  if (there > 1) return `${there} people are there.`;
  if (startsMs !== null && startsMs > Date.now()) return `It begins ${whenOf(startsMs).toLowerCase()}.`;
  return 'Nobody is there at present.';
}
