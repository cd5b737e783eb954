// How a listener asks to speak, and takes that back.
import { useCallEvent, useCan, useInfo, usePeople } from '../hooks/call.js';
import { useValue } from '../hooks/value.js';
import { Icon } from '../icon.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { useAttempt, useNotify } from './notices.js';

/** There for those who may ask and may not speak; tells when it was granted or declined. */
export function RaiseHand() {
  const call = useCall();
  const [speaks, asks] = [useCan('send-audio'), useCan('request-permissions')];
  const open = useInfo()?.settings.audio.requests ?? true;
  const me = usePeople().find((person) => person.isMe)?.id;
  const raised = useValue(call.asking).includes('send-audio');
  const attempt = useAttempt();
  const notify = useNotify();
  const declined = (): void => notify({ title: 'Not this time', text: 'The host has lowered your hand. You can raise it again.' });
  useCallEvent('call_permissions_changed', ({ user, capabilities }) => {
    if (user !== me) return;
    const may = capabilities.includes('send-audio');
    if (may && !speaks) notify({ title: 'You may speak', text: 'Switch your microphone on when you are ready.' });
    else if (!may && speaks) notify({ title: 'You are listening again', text: 'The host has taken the microphone back.' });
    else if (!may && raised) declined();
  });
  useCallEvent('call_permission_withdrawn', ({ user, by }) => {
    if (user === me && by !== me) declined();
  });
  if (speaks || !asks || !open) return null;
  return (
    <Button className="th-wide" look={raised ? 'secondary' : 'primary'} onClick={() => void attempt(() => (raised ? call.withdraw('send-audio') : call.request('send-audio')))}>
      <Icon name="hand" />
      {raised ? 'Lower hand' : 'Raise hand'}
      <span className="th-hidden" role="status">
        {raised ? 'Your hand is raised' : ''}
      </span>
    </Button>
  );
}
