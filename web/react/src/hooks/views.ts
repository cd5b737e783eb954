// The pictures of a call in the order in which they are shown, and which of them stands out.
import { useState } from 'react';
import type { Person } from '@thalweg/client';
import { usePeople } from './call.js';

/** One picture to show. */
export interface View {
  readonly key: string;
  readonly person: Person;
  readonly source: 'camera' | 'screen';
}

/** The pictures, the one on the stage if there is one, and the way to change that. */
export interface Views {
  readonly all: readonly View[];
  readonly staged: View | undefined;
  /** Whether a person at this page chose what is on the stage. */
  readonly pinned: boolean;
  readonly pin: (key: string) => void;
}

/** On the stage: what was pinned here, else a screen of somebody else, else whom a host pinned for all. */
export function useViews(): Views {
  const people = usePeople();
  const [chosen, setChosen] = useState<string>();
  const all = people.filter((person) => !person.isEncoder || person.camera.publication).flatMap(viewsOf);
  const own = all.find((view) => view.key === chosen);
  const screen = all.find((view) => view.source === 'screen' && !view.person.isMe);
  const forAll = all.find((view) => view.source === 'camera' && view.person.pinned);
  return {
    all,
    staged: own ?? screen ?? forAll,
    pinned: own !== undefined,
    pin: (key) => setChosen((now) => (now === key ? undefined : key)),
  };
}

function viewsOf(person: Person): View[] {
  const camera: View = { key: `${person.id}/camera`, person, source: 'camera' };
  if (!person.screen.publication) return [camera];
  return [{ key: `${person.id}/screen`, person, source: 'screen' }, camera];
}
