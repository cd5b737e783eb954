// The switches of camera, microphone and screen; each is there only when the call could let one use it.
import { useRef } from 'react';
import { useCall } from '../provider.js';
import { useCamera, useLevel, useMicrophone, useScreen } from '../hooks/devices.js';
import { RoundButton } from './round-button.js';

export interface SwitchProps {
  /** Another class, by which an app finds it. */
  className?: string;
}

/** Switches the microphone; its level rises in it while it runs. */
export function MicrophoneSwitch({ className = '' }: SwitchProps) {
  const { microphone } = useCall();
  const { status, track } = useMicrophone();
  const meter = useRef<HTMLElement>(null);
  useLevel(track, meter);
  const on = status === 'on' || status === 'starting';
  return (
    <RoundButton
      className={`th-switch-microphone ${className}`}
      icon={on ? 'mic' : 'micOff'}
      label={`Microphone: ${on ? 'on' : 'off'}`}
      title="Microphone (M)"
      pressed={on}
      tone={on ? undefined : 'off'}
      onPress={() => void microphone.toggle()}
    >
      {on && (
        <span className="th-meter" ref={meter} aria-hidden="true">
          <i />
        </span>
      )}
    </RoundButton>
  );
}

/** Switches the camera. */
export function CameraSwitch({ className = '' }: SwitchProps) {
  const { camera } = useCall();
  const { status } = useCamera();
  const on = status === 'on' || status === 'starting';
  return (
    <RoundButton
      className={`th-switch-camera ${className}`}
      icon={on ? 'camera' : 'cameraOff'}
      label={`Camera: ${on ? 'on' : 'off'}`}
      title="Camera (V)"
      pressed={on}
      tone={on ? undefined : 'off'}
      onPress={() => void camera.toggle()}
    />
  );
}

/** Shares a screen, where the browser can. */
export function ScreenSwitch({ className = '' }: SwitchProps) {
  const { screen } = useCall();
  const { status } = useScreen();
  if (!screen.supported) return null;
  const on = status === 'on' || status === 'starting';
  return (
    <RoundButton
      className={`th-switch-screen ${className}`}
      icon="screen"
      label={on ? 'Stop sharing your screen' : 'Share your screen'}
      title="Share your screen (S)"
      pressed={on}
      tone={on ? 'active' : undefined}
      onPress={() => void screen.toggle()}
    />
  );
}
