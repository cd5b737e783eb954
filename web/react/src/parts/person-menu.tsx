// What can be done with somebody who is there, by those who may.
import type { CallInfo, LendableCapability, Person } from '@thalweg/client';
import { speaksIn, useCan, useInfo } from '../hooks/call.js';
import { useRole } from '../hooks/roles.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';
import { useAttempt } from './notices.js';

export interface PersonMenuProps {
  person: Person;
  /** Whether its hand is raised. */
  hand?: boolean;
  onClose: () => void;
}

/** Whether this user may do anything with others. */
export function useModerates(): boolean {
  return [useCan('update-permissions'), useCan('mute-users'), useCan('update-members'), useCan('block-users'), useCan('pin-for-all')].some(Boolean);
}

export function PersonMenu({ person, hand = false, onClose }: PersonMenuProps) {
  const call = useCall();
  const attempt = useAttempt();
  const [grants, mutes, pins] = [useCan('update-permissions'), useCan('mute-users'), useCan('pin-for-all')];
  const taken = sourcesOf(useInfo());
  const { id } = person;
  const [users, stage] = [[id], speaksIn(person)];
  const act = (todo: () => Promise<unknown>) => (): void => {
    onClose();
    void attempt(todo);
  };
  return (
    <Dialog title={person.name} onClose={onClose}>
      {grants && !stage && (
        <Button look="primary" onClick={act(() => call.grant(id, 'send-audio'))}>
          {hand ? 'Let speak' : 'Invite to speak'}
        </Button>
      )}
      {grants && hand && <Button onClick={act(() => call.dismiss(id, 'send-audio'))}>Lower the hand</Button>}
      {mutes && person.microphone && <Button onClick={act(() => call.mute({ users }))}>Mute</Button>}
      {mutes && person.camera.on && <Button onClick={act(() => call.mute({ users, audio: false, video: true }))}>Stop the camera</Button>}
      {mutes && person.screen.on && <Button onClick={act(() => call.mute({ users, audio: false, screenshare: true }))}>Stop the shared screen</Button>}
      {pins && stage && <Button onClick={act(() => (person.pinned ? call.unpin(id) : call.pin(id)))}>{person.pinned ? 'Take out of everybody’s view' : 'Put into everybody’s view'}</Button>}
      {grants && stage && <Button onClick={act(() => call.revoke(id, ...taken))}>Move to the audience</Button>}
      <Membership id={id} act={act} />
    </Dialog>
  );
}

/** What can be taken from somebody who speaks or shows something: what the call has at all. */
function sourcesOf(info: CallInfo | undefined): LendableCapability[] {
  const sources = { audio: 'send-audio', video: 'send-video', screenshare: 'screenshare' } as const;
  return Object.entries(sources).flatMap(([kind, capability]) => (info?.settings[kind as keyof typeof sources].enabled === false ? [] : [capability]));
}

/** What somebody is in the call, and whether it stays. Whoever made the call stays its host. */
function Membership({ id, act }: { id: string; act: (todo: () => Promise<unknown>) => () => void }) {
  const call = useCall();
  const [members, blocks] = [useCan('update-members'), useCan('block-users')];
  const host = useRole(id) === 'host';
  if (useInfo()?.created_by === id) return null;
  return (
    <>
      {members && <Button onClick={act(() => call.putMembers([{ user: id, role: host ? 'user' : 'host' }]))}>{host ? 'Make an ordinary member' : 'Make a host'}</Button>}
      {blocks && <Button onClick={act(() => call.kick(id))}>Send out</Button>}
      {blocks && (
        <Button look="danger" onClick={act(() => call.block(id))}>
          Send out and keep out
        </Button>
      )}
    </>
  );
}
