// The bar at the foot of a call: what this user may do, and nothing else.
import { useEffect, useState, type ReactNode } from 'react';
import type { DeviceState } from '@thalweg/client';
import { useCallEvent, useCan, useInfo, usePeople } from '../hooks/call.js';
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
  useHostNotices();
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

/** Tells what a host did with this user. */
function useHostNotices(): void {
  const notify = useNotify();
  const me = usePeople().find((person) => person.isMe)?.id;
  const host = useInfo()?.role === 'host';
  useCallEvent('call_users_muted', ({ by, users, audio, video, screenshare }) => {
    if (me === undefined || by === me || !users.includes(me)) return;
    if (audio) notify({ title: 'You were muted', text: 'Switch your microphone on when you want to speak.' });
    if (video) notify({ title: 'Your camera was stopped', text: 'A host did that. You can switch it on again.' });
    if (screenshare && !audio) notify({ title: 'Your shared screen was stopped', text: 'A host did that. You can share it again.' });
  });
  useCallEvent('call_members_changed', ({ members }) => {
    const role = members.find(({ user }) => user === me)?.role;
    if (role === 'host' && !host) notify({ title: 'You are a host now', text: 'You can mute others, let them speak and send them out.' });
  });
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
