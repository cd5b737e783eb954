// Whether a call is there.
import { useCallback, useEffect, useState } from 'react';
import { callFault, ThalwegError, type Fault } from '@thalweg/client';
import { useCall } from '@thalweg/react';

/** What the first look at a call gave. */
export type Found = { state: 'looking' } | { state: 'there' } | { state: 'absent' } | { state: 'fault'; fault: Fault };

/** Looks whether the call around is there; the second value looks again. */
export function useFound(): [Found, () => void] {
  const call = useCall();
  const [found, setFound] = useState<Found>({ state: 'looking' });
  const look = useCallback(() => {
    setFound({ state: 'looking' });
    call.get().then(
      () => setFound({ state: 'there' }),
      (error: unknown) => {
        const absent = error instanceof ThalwegError && error.code === 'call_not_found';
        setFound(absent ? { state: 'absent' } : { state: 'fault', fault: callFault(error) });
      },
    );
  }, [call]);
  useEffect(look, [look]);
  return [found, look];
}
