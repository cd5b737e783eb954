// One on the stage, the others in a strip beside it: a screen, a pinned picture, or whoever speaks.
import { useRef } from 'react';
import { useViews, type View, type Views } from '../hooks/views.js';
import { Tile } from '../parts/tile.js';

/** Shows one picture large. `views` shares a choice with another layout. */
export function SpeakerLayout({ views }: { views?: Views }) {
  return views ? <Speaker views={views} /> : <OwnSpeaker />;
}

function OwnSpeaker() {
  return <Speaker views={useViews()} />;
}

function Speaker({ views }: { views: Views }) {
  const speaker = useSpeaker(views.all);
  const main = views.staged ?? speaker;
  const others = views.all.filter((view) => view.key !== main?.key);
  return (
    <div className="th-speaker">
      <div className="th-stage">
        {main && <Tile key={main.key} person={main.person} source={main.source} pinned={views.pinned} onPin={() => views.pin(main.key)} />}
      </div>
      {others.length > 0 && (
        <div className="th-strip" role="group" aria-label="Others">
          {others.map((view) => (
            <Tile key={view.key} person={view.person} source={view.source} onPin={() => views.pin(view.key)} />
          ))}
        </div>
      )}
    </div>
  );
}

/** Who spoke last and is not this user; before anybody spoke, the first of the others. */
function useSpeaker(views: readonly View[]): View | undefined {
  const last = useRef<string>(undefined);
  const cameras = views.filter((view) => view.source === 'camera');
  const speaking = cameras.find((view) => view.person.speaking && !view.person.isMe);
  if (speaking) last.current = speaking.key;
  return cameras.find((view) => view.key === last.current) ?? cameras.find((view) => !view.person.isMe) ?? cameras[0];
}
