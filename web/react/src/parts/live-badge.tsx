// Whether a livestream is live, for how long, and how many look on.
import { useEffect, useState } from 'react';
import { useInfo, useViewerCount } from '../hooks/call.js';
import { Icon } from '../icon.js';

/** "Live" in red with the time since then, or "Backstage". */
export function LiveBadge() {
  const info = useInfo();
  if (!info || info.state === 'ended') return null;
  if (info.state === 'backstage') return <span className="th-badge">Backstage</span>;
  return (
    <>
      <span className="th-badge" data-live>
        Live
      </span>
      {info.live_at_ms !== null && <Since ms={info.live_at_ms} />}
    </>
  );
}

/** How many look on at present. */
export function ViewerCount() {
  const count = useViewerCount();
  return (
    <span className="th-badge" role="img" aria-label={count === 1 ? '1 viewer' : `${count} viewers`}>
      <Icon name="eye" />
      <span className="th-viewers">{count.toLocaleString()}</span>
    </span>
  );
}

function Since({ ms }: { ms: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="th-badge" role="timer" aria-live="off">
      {duration(now - ms)}
    </span>
  );
}

/** Hours if there are any, minutes and seconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
