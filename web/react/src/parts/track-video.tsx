// A picture, as long as there is a track. It never sounds: sounds have elements of their own.
import type { Track } from 'livekit-client';
import { useEffect, useRef } from 'react';

export function TrackVideo({ track, label }: { track: Track; label: string }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    track.attach(element);
    element.muted = true;
    return () => void track.detach(element);
  }, [track]);
  return <video ref={video} aria-label={label} muted playsInline autoPlay />;
}
