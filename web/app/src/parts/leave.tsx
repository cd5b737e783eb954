// Leaving: at once, or, for those who may end the call for all, with the choice.
import { useState } from 'react';
import { Button, Dialog, useAttempt, useCall, useCan } from '@thalweg/react';

/** What the leave button does, and the dialog that may open. */
export function useLeave(what: string): { leave: () => void; dialog: React.ReactNode } {
  const call = useCall();
  const ends = useCan('end-call');
  const attempt = useAttempt();
  const [asking, setAsking] = useState(false);
  const leave = (): void => (ends ? setAsking(true) : void call.leave());
  const dialog = asking && (
    <Dialog title={`Leave the ${what}?`} onClose={() => setAsking(false)}>
      <p className="th-soft">The others can go on without you. If you end it, it is over for everybody and for good.</p>
      <Button look="primary" className="just-leave" onClick={() => void call.leave()}>
        Leave
      </Button>
      <Button look="danger" className="end-for-all" onClick={() => void attempt(() => call.end())}>
        End for everybody
      </Button>
    </Dialog>
  );
  return { leave, dialog };
}
