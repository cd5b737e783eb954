// How a listener asks to speak.
import { useState } from 'react';
import { useCallEvent, useCan, useInfo, usePeople } from '../hooks/call.js';
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
  const attempt = useAttempt();
  const notify = useNotify();
  const [raised, setRaised] = useState(false);
  useCallEvent('call_permissions_changed', ({ user, capabilities }) => {
    if (user !== me) return;
    setRaised(false);
    const may = capabilities.includes('send-audio');
    if (may) notify({ title: 'You may speak', text: 'Switch your microphone on when you are ready.' });
    else if (raised) notify({ title: 'Not this time', text: 'The host has lowered your hand. You can raise it again.' });
    else if (speaks) notify({ title: 'You are listening again', text: 'The host has taken the microphone back.' });
  });
  if (speaks || !asks || !open) return null;
  const raise = async (): Promise<void> => setRaised(await attempt(() => call.request('send-audio')));
  return (
    <Button className="th-wide" look={raised ? 'secondary' : 'primary'} aria-pressed={raised} disabled={raised} onClick={() => void raise()}>
      <Icon name="hand" />
      {raised ? 'Hand raised' : 'Raise hand'}
    </Button>
  );
}
