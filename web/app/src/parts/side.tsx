// What can stand beside a call: the chat or the list of people, one at a time.
import { useState } from 'react';
import { Chat, ParticipantList, RoundButton, usePeople } from '@thalweg/react';
import { ChatToggle } from './chat-toggle';

/** The panel that is open, and the buttons that open and close it. `list` leaves the list of people out where all are to be seen anyway. */
export function useSide({ list = true }: { list?: boolean } = {}): { panel: React.ReactNode; toggles: React.ReactNode } {
  const [open, setOpen] = useState<'chat' | 'people'>();
  const count = usePeople().length;
  const close = (): void => setOpen(undefined);
  const toggle = (what: 'chat' | 'people') => (): void => setOpen((now) => (now === what ? undefined : what));
  const panel = open === 'chat' ? <Chat onClose={close} /> : open === 'people' && <ParticipantList onClose={close} />;
  const toggles = (
    <>
      {list && <RoundButton className="people-toggle" icon="people" label="People" title={`People: ${count}`} pressed={open === 'people'} tone={open === 'people' ? 'active' : undefined} onPress={toggle('people')} />}
      <ChatToggle open={open === 'chat'} onToggle={toggle('chat')} />
    </>
  );
  return { panel, toggles };
}
