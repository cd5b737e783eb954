// Before a call: how one looks and sounds, what one is called, and the way in.
import { useState, type FormEvent, type ReactNode } from 'react';
import { Button } from './button.js';
import { DeviceCheck } from './device-check.js';

/** The longest name that the server takes, in bytes; the field counts characters, which are no more. */
const NAME_MAX = 256;

export interface LobbyProps {
  /** What stands above the name: the call's title, and whatever a person should know. */
  children: ReactNode;
  /** What one is called so far. */
  name: string;
  /** What the button says. */
  action: string;
  /** Which devices are looked at; `none` for those who only look on. */
  devices?: 'both' | 'microphone' | 'none';
  /** Why it did not work the last time. */
  problem?: ReactNode;
  /** Goes in. The button is busy until it is settled. */
  onJoin: (name: string) => Promise<unknown>;
}

export function Lobby({ children, name: known, action, devices = 'both', problem, onJoin }: LobbyProps) {
  const [name, setName] = useState(known);
  const [busy, setBusy] = useState(false);
  const join = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await onJoin(name.trim());
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="th-lobby" data-devices={devices}>
      {devices !== 'none' && <DeviceCheck camera={devices === 'both'} />}
      <form className="th-entry" onSubmit={(event) => void join(event)}>
        {children}
        <label className="th-field">
          <span>Your name</span>
          <input name="name" autoComplete="nickname" required maxLength={NAME_MAX} value={name} onChange={(event) => setName(event.target.value)} placeholder="As others shall see it" />
        </label>
        <div role="alert" className="th-problem">
          {problem}
        </div>
        <Button type="submit" look="primary" size="large" busy={busy}>
          {action}
        </Button>
      </form>
    </div>
  );
}
