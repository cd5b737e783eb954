// Everybody at the same size: the arrangement that makes the tiles largest.
import { useLayoutEffect, useRef } from 'react';
import { useViews, type Views } from '../hooks/views.js';
import { Tile } from '../parts/tile.js';
import { arrange } from './arrange.js';

/** Shows all pictures of the call. `views` shares a choice with another layout. */
export function GridLayout({ views }: { views?: Views }) {
  return views ? <Grid views={views} /> : <OwnGrid />;
}

function OwnGrid() {
  return <Grid views={useViews()} />;
}

function Grid({ views }: { views: Views }) {
  const grid = useRef<HTMLDivElement>(null);
  const count = views.all.length;
  useLayoutEffect(() => {
    const element = grid.current;
    if (!element) return;
    const fit = (): void => {
      const { width, aspect } = arrange(count, element.clientWidth, element.clientHeight);
      element.style.setProperty('--th-tile-width', `${width}px`);
      element.style.setProperty('--th-tile-aspect', String(aspect));
    };
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    fit();
    return () => observer.disconnect();
  }, [count]);
  return (
    <div className="th-grid" ref={grid} role="group" aria-label="People">
      {views.all.map((view) => (
        <Tile key={view.key} person={view.person} source={view.source} onPin={count > 1 ? () => views.pin(view.key) : undefined} />
      ))}
    </div>
  );
}
