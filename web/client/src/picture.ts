// Showing somebody's picture in a <video> element, whatever happens to the track behind it.
import { RoomEvent, Track, type Room } from 'livekit-client';

/** Which picture of somebody. */
export type PictureSource = 'camera' | 'screen';

const SOURCES = { camera: Track.Source.Camera, screen: Track.Source.ScreenShare } as const;

const EVENTS = [
  RoomEvent.TrackSubscribed, RoomEvent.TrackUnsubscribed, RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished,
  RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.TrackUnmuted, RoomEvent.TrackMuted, RoomEvent.Disconnected,
] as const;

/** Shows the picture of a user in an element until the answer is called: its track may come, go and change. */
export function show(room: Room, element: HTMLVideoElement, user: string, source: PictureSource): () => void {
  let shown: Track | undefined;
  // Sound has elements of its own; and without these a phone would open the picture in full screen.
  element.muted = true;
  element.playsInline = true;
  const look = (): void => {
    const next = room.getParticipantByIdentity(user)?.getTrackPublication(SOURCES[source])?.track;
    if (next === shown) return;
    shown?.detach(element);
    shown = next;
    next?.attach(element);
  };
  for (const event of EVENTS) room.on(event, look);
  look();
  return () => {
    for (const event of EVENTS) room.off(event, look);
    shown?.detach(element);
    shown = undefined;
  };
}
