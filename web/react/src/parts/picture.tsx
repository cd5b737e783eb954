// Somebody's camera or screen in a <video>, whatever happens to the track behind it.
import { useEffect, useRef } from 'react';
import { useCall } from '../provider.js';

export interface PictureProps {
  /** The user's id. */
  user: string;
  source: 'camera' | 'screen';
  /** For screen readers. */
  label: string;
}

export function Picture({ user, source, label }: PictureProps) {
  const call = useCall();
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => (video.current ? call.show(video.current, user, source) : undefined), [call, user, source]);
  return <video ref={video} aria-label={label} muted playsInline autoPlay />;
}
