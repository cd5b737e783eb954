// Which camera, microphone and speaker: three boxes to choose from, kept for the next time.
import { useEffect } from 'react';
import type { DeviceChoice } from '@thalweg/client';
import { useCamera, useMicrophone } from '../hooks/devices.js';
import { useValue } from '../hooks/value.js';
import { useCall } from '../provider.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';

/** The boxes alone. `camera` is false where there are no pictures. */
export function DevicePickers({ camera: withCamera = true }: { camera?: boolean }) {
  const { camera, microphone, speaker } = useCall();
  const [seeing, hearing, sounding] = [useCamera(), useMicrophone(), useValue(speaker.state)];
  useEffect(() => {
    for (const device of [camera, microphone, speaker]) void device.refresh();
    // Names are told only once a device was allowed.
  }, [camera, microphone, speaker, seeing.status, hearing.status]);
  return (
    <div className="th-pickers">
      {withCamera && <Picker label="Camera" {...seeing} onChoose={(id) => void camera.select(id)} />}
      <Picker label="Microphone" {...hearing} onChoose={(id) => void microphone.select(id)} />
      {speaker.supported && <Picker label="Speaker" {...sounding} onChoose={(id) => void speaker.select(id)} />}
    </div>
  );
}

/** The boxes in a dialog. */
export function DeviceSettings({ onClose, camera = true }: { onClose: () => void; camera?: boolean }) {
  return (
    <Dialog title="Devices" onClose={onClose}>
      <DevicePickers camera={camera} />
      <Button look="primary" onClick={onClose}>
        Done
      </Button>
    </Dialog>
  );
}

interface PickerProps {
  label: string;
  devices: readonly DeviceChoice[];
  deviceId: string | undefined;
  onChoose: (deviceId: string) => void;
}

function Picker({ label, devices, deviceId, onChoose }: PickerProps) {
  const known = devices.filter((device) => device.deviceId !== '');
  return (
    <label className="th-field">
      <span>{label}</span>
      <select value={deviceId ?? known[0]?.deviceId ?? ''} disabled={known.length === 0} onChange={(event) => onChoose(event.target.value)}>
        {known.length === 0 && <option value="">{label === 'Speaker' ? 'System default' : 'Default'}</option>}
        {known.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || `${label} ${index + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}
