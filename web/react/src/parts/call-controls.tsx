// The bar at the foot of a call: what this user may do, and nothing else.
import { useEffect, useState, type ReactNode } from 'react';
import type { DeviceState } from '@thalweg/client';
import { useCan, useInfo } from '../hooks/call.js';
import { useCamera, useMicrophone, useScreen } from '../hooks/devices.js';
import { useCall } from '../provider.js';
import { DeviceSettings } from './device-settings.js';
import { CameraSwitch, MicrophoneSwitch, ScreenSwitch } from './device-switches.js';
import { useNotify } from './notices.js';
import { ReactionButton } from './reactions.js';
import { RoundButton } from './round-button.js';

export interface CallControlsProps {
  /** What stands between the switches and the end: buttons of the app's own. */
  children?: ReactNode;
  /** What leaves; the call's own `leave` when left out. */
  onLeave?: (() => void) | undefined;
}

export function CallControls({ children, onLeave }: CallControlsProps) {
  const call = useCall();
  const settings = useInfo()?.settings;
  const [choosing, setChoosing] = useState(false);
  const [speaks, shows, shares] = [useCan('send-audio'), useCan('send-video'), useCan('screenshare')];
  useFaultNotices();
  useKeys();
  return (
    <nav className="th-controls" aria-label="Call">
      {speaks && <MicrophoneSwitch />}
      {shows && <CameraSwitch />}
      {shares && <ScreenSwitch />}
      {children}
      <ReactionButton />
      {(speaks || shows) && <RoundButton icon="sliders" label="Devices" onPress={() => setChoosing(true)} />}
      <RoundButton className="th-leave" icon="leave" label="Leave" tone="leave" onPress={onLeave ?? (() => void call.leave())} />
      {choosing && <DeviceSettings camera={settings?.video.enabled !== false} onClose={() => setChoosing(false)} />}
    </nav>
  );
}

/** Tells in a notice when a device fails during the call. */
function useFaultNotices(): void {
  const devices: DeviceState[] = [useCamera(), useMicrophone(), useScreen()];
  const notify = useNotify();
  const faults = devices.map((device) => device.fault);
  useEffect(() => {
    for (const fault of faults) if (fault && fault.code !== 'dismissed') notify({ title: fault.title, text: fault.advice, look: 'warn' });
    // Each fault is one object as long as it lasts.
  }, [notify, ...faults]);
}

/** M, V and S switch microphone, camera and screen, unless somebody types. */
function useKeys(): void {
  const call = useCall();
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select, dialog[open]');
      if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const key = event.key.toLowerCase();
      if (key === 'm' && call.can('send-audio')) void call.microphone.toggle();
      if (key === 'v' && call.can('send-video')) void call.camera.toggle();
      if (key === 's' && call.can('screenshare') && call.screen.supported) void call.screen.toggle();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [call]);
}
