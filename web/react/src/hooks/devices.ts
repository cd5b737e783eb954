// The devices of the call around: how they stand, and how loud the microphone is.
import { createAudioAnalyser, LocalAudioTrack, type Track } from 'livekit-client';
import { useEffect, type RefObject } from 'react';
import type { DeviceState } from '@thalweg/client';
import { useCall } from '../provider.js';
import { useValue } from './value.js';

/** The call's camera and how it stands. */
export function useCamera(): DeviceState {
  return useValue(useCall().camera.state);
}

/** The call's microphone and how it stands. */
export function useMicrophone(): DeviceState {
  return useValue(useCall().microphone.state);
}

/** The call's shared screen and how it stands. */
export function useScreen(): DeviceState {
  return useValue(useCall().screen.state);
}

/** Writes a track's level, from 0 to 1, into the element's `--th-level` at each frame: nothing is drawn anew for it. */
export function useLevel(track: Track | undefined, element: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (!(track instanceof LocalAudioTrack)) return;
    const analyser = createAudioAnalyser(track, { cloneTrack: true, smoothingTimeConstant: 0.6 });
    let frame = 0;
    const step = (): void => {
      element.current?.style.setProperty('--th-level', Math.min(1, analyser.calculateVolume() * 2).toFixed(3));
      frame = requestAnimationFrame(step);
    };
    step();
    return () => {
      cancelAnimationFrame(frame);
      void analyser.cleanup();
    };
  }, [track, element]);
}
