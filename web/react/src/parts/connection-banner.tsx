// What stands between this page and the others: a broken connection, or a browser that holds the sound back.
import { useCallState } from '../hooks/call.js';
import { useValue } from '../hooks/value.js';
import { Icon } from '../icon.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';

export function ConnectionBanner() {
  const call = useCall();
  const { status, fault } = useCallState();
  const held = useValue(call.soundHeld);
  if (status === 'reconnecting') {
    return (
      <div className="th-banner" role="alert">
        <span className="th-spinner" aria-hidden="true" />
        <span>
          <strong>{fault.title}.</strong> {fault.advice}
        </span>
      </div>
    );
  }
  if (!held) return null;
  return (
    <div className="th-banner" role="alert">
      Your browser holds the sound back until you allow it.
      <Button size="small" onClick={() => void call.startSound()}>
        <Icon name="speaker" />
        Hear the others
      </Button>
    </div>
  );
}
