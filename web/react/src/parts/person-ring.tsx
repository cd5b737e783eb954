// A person without a picture: rings spread from whoever speaks, and a host can act on whoever is there.
import { useState } from 'react';
import type { Person } from '@thalweg/client';
import { Icon } from '../icon.js';
import { Avatar } from './avatar.js';
import { PersonMenu, useModerates } from './person-menu.js';

export interface PersonRingProps {
  person: Person;
  /** What the person is, in a word below the name. */
  role?: string;
  /** Whether the person may speak: then it shows whether the microphone is on. */
  stage?: boolean;
  /** Whether its hand is raised. */
  hand?: boolean;
}

export function PersonRing({ person, role, stage = false, hand = false }: PersonRingProps) {
  const [open, setOpen] = useState(false);
  const moderates = useModerates();
  const inside = <Inside person={person} role={role} stage={stage} hand={hand} />;
  return (
    <li className="th-person" data-user={person.id} aria-label={person.name}>
      {moderates && !person.isMe ? (
        <button type="button" className="th-person th-person-menu" aria-haspopup="dialog" onClick={() => setOpen(true)}>
          {inside}
        </button>
      ) : (
        inside
      )}
      {open && <PersonMenu person={person} hand={hand} onClose={() => setOpen(false)} />}
    </li>
  );
}

function Inside({ person, role, stage, hand }: Required<Omit<PersonRingProps, 'role'>> & { role: string | undefined }) {
  return (
    <>
      <span className="th-ring" data-speaking={person.speaking || undefined}>
        <Avatar id={person.id} name={person.name} image={person.image} />
        {hand && (
          <span className="th-ring-badge" data-hand role="img" aria-label="Hand raised">
            <Icon name="hand" />
          </span>
        )}
        {stage && !person.microphone && (
          <span className="th-ring-badge" role="img" aria-label="Microphone off">
            <Icon name="micOff" />
          </span>
        )}
      </span>
      <span className="th-person-name">{person.name}</span>
      {(role || person.isMe) && <span className="th-person-role">{[role, person.isMe && 'you'].filter(Boolean).join(', ')}</span>}
    </>
  );
}
