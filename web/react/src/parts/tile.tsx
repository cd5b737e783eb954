// One picture with its name: a person's camera, or a shared screen.
import { Track } from 'livekit-client';
import type { Person } from '@thalweg/client';
import { Icon } from '../icon.js';
import { Avatar } from './avatar.js';
import { Picture } from './picture.js';
import { QualityBars } from './quality-bars.js';

export interface TileProps {
  person: Person;
  source: 'camera' | 'screen';
  pinned?: boolean;
  /** Puts it on the stage, or back; without it the tile has no pin. */
  onPin?: (() => void) | undefined;
}

export function Tile({ person, source, pinned = false, onPin }: TileProps) {
  const screen = source === 'screen';
  const { on, publication } = person[source];
  const title = titleOf(person, screen);
  const paused = publication?.track?.streamState === Track.StreamState.Paused;
  return (
    <article
      className="th-tile"
      aria-label={title}
      data-user={person.id}
      data-screen={screen || undefined}
      data-me={person.isMe || undefined}
      data-mirrored={(person.isMe && !screen) || undefined}
      data-speaking={(!screen && person.speaking) || undefined}
      onDoubleClick={onPin}
    >
      {on ? <Picture user={person.id} source={source} label={title} /> : <Avatar id={person.id} name={person.name} image={person.image} />}
      {paused && <p className="th-tile-note">Paused: the connection is too slow for this picture</p>}
      {onPin && (
        <button type="button" className="th-tile-pin" aria-pressed={pinned} aria-label={pinned ? `Unpin ${title}` : `Pin ${title}`} onClick={onPin}>
          <Icon name="pin" />
        </button>
      )}
      <footer className="th-tile-foot">
        {!screen && !person.microphone && (
          <span className="th-tile-muted" role="img" aria-label="Microphone off">
            <Icon name="micOff" />
          </span>
        )}
        <span className="th-tile-name">{title}</span>
        {!screen && <QualityBars quality={person.quality} />}
      </footer>
    </article>
  );
}

function titleOf({ name, isMe }: Person, screen: boolean): string {
  if (screen) return isMe ? 'Your screen' : `${name}’s screen`;
  return isMe ? `${name} (you)` : name;
}
