// Who may publish can change without any track: this draws anew when it does.
import { RoomEvent } from 'livekit-client';
import { useEffect, useReducer } from 'react';
import { useCall } from '../provider.js';

/** Draws the component anew when the rights of anybody in the room change. */
export function usePermissionsWatch(): void {
  const { room } = useCall();
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    room.on(RoomEvent.ParticipantPermissionsChanged, draw);
    return () => void room.off(RoomEvent.ParticipantPermissionsChanged, draw);
  }, [room]);
}
