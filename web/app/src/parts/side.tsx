// What can stand beside a call: the chat or the list of people, one at a time.
import { useState } from 'react';
import { Button, Chat, Icon, ParticipantList, RoundButton, usePeople } from '@thalweg/react';
import { ChatToggle } from './chat-toggle';

/** The panel that is open, and the buttons that open and close it. */
export interface Side {
  readonly panel: React.ReactNode;
  readonly chat: React.ReactNode;
  /** For the bar at the foot. */
  readonly people: React.ReactNode;
  /** For the head: it tells how many are there, too. */
  readonly count: React.ReactNode;
}

export function useSide(): Side {
  const [open, setOpen] = useState<'chat' | 'people'>();
  const count = usePeople().length;
  const listed = open === 'people';
  const close = (): void => setOpen(undefined);
  const toggle = (what: 'chat' | 'people') => (): void => setOpen((now) => (now === what ? undefined : what));
  return {
    panel: open === 'chat' ? <Chat onClose={close} /> : listed && <ParticipantList onClose={close} />,
    chat: <ChatToggle open={open === 'chat'} onToggle={toggle('chat')} />,
    people: <RoundButton className="people-toggle" icon="people" label="People" pressed={listed} tone={listed ? 'active' : undefined} onPress={toggle('people')} />,
    count: (
      <Button look="plain" className="people" aria-pressed={listed} title="Who is here" onClick={toggle('people')}>
        <Icon name="people" />
        <span>
          {count} <span className="people-word">{count === 1 ? 'person' : 'people'}</span>
        </span>
      </Button>
    ),
  };
}
