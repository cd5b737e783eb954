// The picture of a livestream with what lies over it: the badge, the viewers, and words when there is nothing to see.
import type { ReactNode } from 'react';
import { useLivePictures } from '../hooks/live.js';
import { LiveBadge, ViewerCount } from './live-badge.js';
import { ReactionRise } from './reactions.js';
import { Tile } from './tile.js';

/** `children` stand in the place of a picture while there is none. */
export function LivePicture({ children }: { children: ReactNode }) {
  const { main, inset } = useLivePictures();
  return (
    <div className="th-live-picture" role="group" aria-label="Livestream" data-many={main.length > 1 || undefined}>
      <div className="th-live-over">
        <LiveBadge />
        <ViewerCount />
      </div>
      {main.map((view) => (
        <Tile key={view.key} person={view.person} source={view.source} />
      ))}
      {inset && (
        <div className="th-inset">
          <Tile person={inset.person} source={inset.source} />
        </div>
      )}
      {main.length === 0 && <div className="th-live-wait">{children}</div>}
      <ReactionRise />
    </div>
  );
}
