// Who is in the call, one below the other: what each is, whose hand is raised, and for hosts what can be done about it.
import { useState, type KeyboardEvent } from 'react';
import type { Person } from '@thalweg/client';
import { useCan, useInfo, usePeople, useRequests } from '../hooks/call.js';
import { useProfile } from '../hooks/names.js';
import { useRole } from '../hooks/roles.js';
import { Icon, type IconName } from '../icon.js';
import { useCall } from '../provider.js';
import { Avatar } from './avatar.js';
import { Button } from './button.js';
import { useAttempt, useNotify } from './notices.js';
import { PersonMenu, useModerates } from './person-menu.js';
import { RaisedHands } from './raised-hands.js';

export interface ParticipantListProps {
  /** Where the list can be put away. */
  onClose?: (() => void) | undefined;
}

export function ParticipantList({ onClose }: ParticipantListProps) {
  const people = usePeople();
  const hands = new Set(useRequests().map(({ user }) => user));
  const grants = useCan('update-permissions');
  const blocked = useInfo()?.blocked ?? [];
  const escape = ({ key, target }: KeyboardEvent): void => {
    // In a dialog it closes that.
    if (key === 'Escape' && target instanceof Element && !target.closest('dialog')) onClose?.();
  };
  return (
    <section className="th-list" aria-label="People" onKeyDown={escape}>
      <header className="th-chat-head">
        <h2>
          People <span className="th-soft">{people.length}</span>
        </h2>
        {onClose && (
          <Button look="plain" aria-label="Close the list of people" onClick={onClose}>
            <Icon name="close" />
          </Button>
        )}
      </header>
      <div className="th-list-body" tabIndex={0} role="group" aria-label="All people">
        {grants && <RaisedHands />}
        <ul>
          {people.map((person) => (
            <Row key={person.id} person={person} hand={hands.has(person.id)} />
          ))}
        </ul>
        {blocked.length > 0 && <KeptOut users={blocked} />}
      </div>
      <MuteAll />
    </section>
  );
}

function Row({ person, hand }: { person: Person; hand: boolean }) {
  const [open, setOpen] = useState(false);
  const moderates = useModerates();
  const role = useRole(person.id);
  const about = [person.isMe && 'You', person.isEncoder ? 'Encoder' : role === 'host' || role === 'admin' ? 'Host' : role === 'viewer' && 'Viewer'].filter(Boolean).join(' · ');
  return (
    <li data-user={person.id} data-speaking={person.speaking || undefined}>
      <Avatar id={person.id} name={person.name} image={person.image} />
      <span className="th-list-words">
        <span className="th-list-name">{person.name}</span>
        {about && <span className="th-soft">{about}</span>}
      </span>
      {hand && <Sign icon="hand" label="Hand raised" look="hand" />}
      {person.screen.on && <Sign icon="screen" label="Shares a screen" />}
      <Sign icon={person.camera.on ? 'camera' : 'cameraOff'} label={person.camera.on ? 'Camera on' : 'Camera off'} look={person.camera.on ? undefined : 'off'} />
      <Sign icon={person.microphone ? 'mic' : 'micOff'} label={person.microphone ? 'Microphone on' : 'Microphone off'} look={person.microphone ? undefined : 'off'} />
      {moderates && !person.isMe && (
        <Button look="plain" size="small" aria-haspopup="dialog" aria-label={`More for ${person.name}`} onClick={() => setOpen(true)}>
          <Icon name="more" />
        </Button>
      )}
      {open && <PersonMenu person={person} hand={hand} onClose={() => setOpen(false)} />}
    </li>
  );
}

function Sign({ icon, label, look }: { icon: IconName; label: string; look?: 'hand' | 'off' | undefined }) {
  return (
    <span className="th-list-sign" role="img" aria-label={label} title={label} data-look={look}>
      <Icon name={icon} />
    </span>
  );
}

/** Silences everybody else at once. */
function MuteAll() {
  const call = useCall();
  const mutes = useCan('mute-users');
  const heard = usePeople().some((person) => !person.isMe && person.microphone);
  const attempt = useAttempt();
  const notify = useNotify();
  if (!mutes) return null;
  const mute = async (): Promise<void> => {
    if (await attempt(() => call.mute())) notify({ title: 'All others are muted', text: 'They can switch their microphones on again.' });
  };
  return (
    <footer className="th-list-foot">
      <Button disabled={!heard} onClick={() => void mute()}>
        <Icon name="micOff" />
        Mute all others
      </Button>
    </footer>
  );
}

/** Who was sent out, for those who may let them back in. */
function KeptOut({ users }: { users: readonly string[] }) {
  return (
    <>
      <h3>Kept out</h3>
      <ul>
        {users.map((user) => (
          <Outside key={user} user={user} />
        ))}
      </ul>
    </>
  );
}

function Outside({ user }: { user: string }) {
  const call = useCall();
  const { name, image } = useProfile(user);
  const attempt = useAttempt();
  return (
    <li>
      <Avatar id={user} name={name} image={image} />
      <span className="th-list-words">
        <span className="th-list-name">{name}</span>
      </span>
      <Button size="small" aria-label={`Let back in: ${name}`} onClick={() => void attempt(() => call.unblock(user))}>
        Let back in
      </Button>
    </li>
  );
}
