// What a host can do with somebody who is there.
import type { Person } from '@thalweg/client';
import { useCan } from '../hooks/call.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';
import { useAttempt } from './notices.js';

export interface PersonMenuProps {
  person: Person;
  /** Whether the person may speak. */
  stage: boolean;
  onClose: () => void;
}

export function PersonMenu({ person, stage, onClose }: PersonMenuProps) {
  const call = useCall();
  const attempt = useAttempt();
  const [grants, mutes, blocks] = [useCan('update-permissions'), useCan('mute-users'), useCan('block-users')];
  const act = (todo: () => Promise<unknown>) => (): void => {
    onClose();
    void attempt(todo);
  };
  return (
    <Dialog title={person.name} onClose={onClose}>
      {grants && !stage && (
        <Button look="primary" onClick={act(() => call.grant(person.id, 'send-audio'))}>
          Invite to speak
        </Button>
      )}
      {mutes && stage && person.microphone && <Button onClick={act(() => call.mute({ users: [person.id] }))}>Mute</Button>}
      {grants && stage && <Button onClick={act(() => call.revoke(person.id, 'send-audio'))}>Move to the audience</Button>}
      {blocks && (
        <Button look="danger" onClick={act(() => call.block(person.id))}>
          Send out and keep out
        </Button>
      )}
    </Dialog>
  );
}
