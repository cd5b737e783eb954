// One capture device before the call: wanted or not, running or failed, and which one.
import { createLocalAudioTrack, createLocalVideoTrack, type LocalAudioTrack, type LocalVideoTrack } from 'livekit-client';
import { deviceFault, devicesReachable, type Fault } from './fault';

/** Camera or microphone as the lobby handles it. */
export class Capture<T extends LocalAudioTrack | LocalVideoTrack> {
  /** The person's wish; a failure does not change it, so that joining tries once more. */
  wanted = true;
  track: T | undefined;
  fault: Fault | undefined;
  deviceId: string | undefined;
  /** Called after every change. */
  onchange: () => void = () => undefined;
  /** Rises with every request, so that a slow answer to an older one is thrown away. */
  private request = 0;

  constructor(
    readonly kind: 'camera' | 'microphone',
    private readonly open: (deviceId: string | undefined) => Promise<T>,
  ) {}

  /** Opens the device; a failure becomes `fault`. */
  async start(): Promise<void> {
    this.wanted = true;
    const request = this.halt();
    try {
      if (!devicesReachable()) throw new Error('insecure page');
      const track = await this.open(this.deviceId);
      if (request !== this.request) {
        track.stop();
        return;
      }
      this.track = track;
    } catch (error) {
      if (request === this.request) this.fault = deviceFault(this.kind, error);
    }
    this.onchange();
  }

  /** Closes the device by the person's wish. */
  stop(): void {
    this.wanted = false;
    this.halt();
    this.onchange();
  }

  /** Changes the device; one that runs is opened anew. */
  async choose(deviceId: string): Promise<void> {
    this.deviceId = deviceId;
    if (this.track || this.fault) await this.start();
  }

  /** Gives the running track away: it is the taker's to stop from here on. */
  take(): T | undefined {
    const track = this.track;
    this.track = undefined;
    return track;
  }

  private halt(): number {
    this.track?.stop();
    this.track = undefined;
    this.fault = undefined;
    return ++this.request;
  }
}

/** The camera at 720p, or what it has that is nearest. */
export function camera(): Capture<LocalVideoTrack> {
  return new Capture('camera', (deviceId) =>
    createLocalVideoTrack({ resolution: { width: 1280, height: 720, frameRate: 30 }, ...exactly(deviceId) }),
  );
}

/** The microphone with echo cancellation, noise suppression and gain control. */
export function microphone(): Capture<LocalAudioTrack> {
  return new Capture('microphone', (deviceId) =>
    createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...exactly(deviceId) }),
  );
}

/** True when the browser already allows the device, so that opening it asks nothing. */
export async function allowed(name: 'camera' | 'microphone'): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state === 'granted';
  } catch {
    return false;
  }
}

function exactly(deviceId: string | undefined): { deviceId?: { exact: string } } {
  return deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
}
