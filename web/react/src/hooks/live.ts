// What a livestream shows: a shared screen before all, with a camera in its corner; else the cameras.
import type { Person } from '@thalweg/client';
import { usePeople } from './call.js';
import type { View } from './views.js';

/** What fills the picture, and what stands in its corner. */
export interface LivePictures {
  readonly main: readonly View[];
  readonly inset: View | undefined;
}

/** More cameras than this are not shown at once. */
const CAMERAS_MAX = 6;

export function useLivePictures(): LivePictures {
  const people = usePeople();
  const cameras = people.filter((person) => person.camera.on).map((person) => viewOf(person, 'camera'));
  const sharing = people.find((person) => person.screen.on);
  if (!sharing) return { main: cameras.slice(0, CAMERAS_MAX), inset: undefined };
  return { main: [viewOf(sharing, 'screen')], inset: cameras.find(({ person }) => person.id === sharing.id) ?? cameras[0] };
}

function viewOf(person: Person, source: View['source']): View {
  return { key: `${person.id}/${source}`, person, source };
}
