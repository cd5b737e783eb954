// How one looks and sounds before others see and hear it.
import { useEffect } from 'react';
import { Icon } from '../icon.js';
import { useCamera, useMicrophone } from '../hooks/devices.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { DevicePickers } from './device-settings.js';
import { CameraSwitch, MicrophoneSwitch } from './device-switches.js';
import { FaultNote } from './fault.js';
import { TrackVideo } from './track-video.js';

export interface DeviceCheckProps {
  /** False where there are no pictures. */
  camera?: boolean;
}

/** A preview with switches, what is wrong with the devices, and which ones to use. */
export function DeviceCheck({ camera: withCamera = true }: DeviceCheckProps) {
  const { camera, microphone } = useCall();
  const [seeing, hearing] = [useCamera(), useMicrophone()];
  useEffect(() => void openAllowed(withCamera ? [camera, microphone] : [microphone]), [camera, microphone, withCamera]);
  return (
    <section className="th-check" aria-label={withCamera ? 'Camera and microphone' : 'Microphone'}>
      {withCamera ? <Preview /> : <SoundOnly />}
      {withCamera && seeing.fault && <FaultNote {...seeing.fault} onRetry={() => void camera.enable()} />}
      {hearing.fault && <FaultNote {...hearing.fault} onRetry={() => void microphone.enable()} />}
      <DevicePickers camera={withCamera} />
    </section>
  );
}

function Preview() {
  const { track } = useCamera();
  return (
    <div className="th-preview">
      {track ? <TrackVideo track={track} label="Your camera" /> : <Shade />}
      <div className="th-preview-bar">
        <MicrophoneSwitch />
        <CameraSwitch />
      </div>
    </div>
  );
}

function Shade() {
  const { camera, microphone } = useCall();
  const { status } = useCamera();
  const startBoth = async (): Promise<void> => {
    await camera.enable();
    await microphone.enable();
  };
  if (status === 'starting') return <Words icon="camera" text="Waiting for your browser to allow the camera…" />;
  if (status === 'failed') return <Words icon="cameraOff" text="You can join without a camera" />;
  if (camera.wanted === false) return <Words icon="cameraOff" text="Your camera is off" />;
  return (
    <Words icon="camera" text="Your browser will ask before it shows you">
      <Button onClick={() => void startBoth()}>Check camera and microphone</Button>
    </Words>
  );
}

function Words({ icon, text, children }: { icon: 'camera' | 'cameraOff'; text: string; children?: React.ReactNode }) {
  return (
    <div className="th-preview-shade">
      <Icon name={icon} />
      <p>{text}</p>
      {children}
    </div>
  );
}

function SoundOnly() {
  const { status } = useMicrophone();
  return (
    <div className="th-sound-only">
      <MicrophoneSwitch />
      <p className="th-soft">{status === 'on' ? 'Say something: the ring fills while you are heard' : 'Press to try your microphone'}</p>
    </div>
  );
}

/** Opens what the browser already allows, so that nobody is asked before a press. What was switched off stays off. */
async function openAllowed(devices: { kind: string; wanted: boolean | undefined; enable: () => Promise<void> }[]): Promise<void> {
  for (const device of devices) {
    if (device.wanted !== false && (await isAllowed(device.kind))) await device.enable();
  }
}

async function isAllowed(kind: string): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: kind as PermissionName })).state === 'granted';
  } catch {
    return false;
  }
}
