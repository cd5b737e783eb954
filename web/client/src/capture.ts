// Camera and microphone: which one, and how it is opened.
import { LocalAudioTrack, LocalVideoTrack, createLocalAudioTrack, createLocalVideoTrack, type LocalTrack } from 'livekit-client';
import { Device, NEEDS, listed, type DeviceChoice, type Surroundings } from './device.js';
import { deviceFault, devicesReachable } from './fault.js';
import { meant, recall, remember } from './memory.js';

const INPUTS = { camera: 'videoinput', microphone: 'audioinput' } as const;

/** A camera or a microphone: there may be several to choose from. */
export class Capture extends Device {
  #forget: (() => void) | undefined;

  constructor(kind: 'camera' | 'microphone', around: Surroundings) {
    super(kind, around);
    if (devicesReachable()) {
      const changed = (): void => void this.refresh();
      navigator.mediaDevices.addEventListener('devicechange', changed);
      this.#forget = () => navigator.mediaDevices.removeEventListener('devicechange', changed);
    }
  }

  /** Lists the devices anew; asks the person nothing. */
  async refresh(): Promise<readonly DeviceChoice[]> {
    const devices = await listed(INPUTS[this.kind as 'camera' | 'microphone']);
    const choice = { ...recall(this.around.memory, this.kind), ...(this.cell.value.deviceId === undefined ? {} : { deviceId: this.cell.value.deviceId }) };
    const chosen = meant(choice, devices);
    // Before the browser has allowed anything, ids are empty and the choice cannot be told from others.
    const deviceId = devices.some((device) => device.deviceId !== '') ? chosen?.deviceId : this.cell.value.deviceId;
    this.patch({ devices, deviceId });
    return devices;
  }

  /** Chooses a device and remembers it; one that runs changes at once. */
  async select(deviceId: string): Promise<void> {
    const label = this.cell.value.devices.find((device) => device.deviceId === deviceId)?.label;
    this.keep({ deviceId, ...(label ? { label } : {}) });
    this.patch({ deviceId });
    // A muted camera has a track, too, which would come back with the device it had.
    const track = this.cell.value.track ?? this.publication?.track;
    if (!(track instanceof LocalVideoTrack || track instanceof LocalAudioTrack)) return this.reopen();
    try {
      await track.setDeviceId({ exact: deviceId });
      if (this.cell.value.status === 'failed') this.patch({ status: 'on', fault: undefined, track: track as LocalTrack });
      this.watch();
    } catch (error) {
      this.patch({ status: 'failed', fault: deviceFault(this.kind, error) });
    }
  }

  /** Lets go of the browser. @internal */
  close(): void {
    this.#forget?.();
    this.finish();
  }

  protected override keep(choice: { on?: boolean; deviceId?: string; label?: string }): void {
    remember(this.around.memory, this.kind, choice);
  }

  protected override async open(): Promise<LocalTrack> {
    const wanted = await this.#wanted();
    try {
      return await this.#capture(wanted);
    } catch (error) {
      // A remembered device that is gone must not keep the person from using another.
      if (wanted === undefined || !(error instanceof Error) || !['OverconstrainedError', 'NotFoundError'].includes(error.name)) throw error;
      return this.#capture(undefined);
    } finally {
      void this.refresh();
    }
  }

  protected override async publish(): Promise<void> {
    const there = this.publication;
    if (there?.track && there.isMuted) return void (await there.unmute());
    if (there?.track) return;
    await this.publishOne(await this.open());
  }

  protected override async unpublish(): Promise<unknown> {
    const me = this.around.room.localParticipant;
    if (!this.around.can(NEEDS[this.kind])) {
      const track = this.publication?.track;
      return track && me.unpublishTrack(track as LocalTrack, true);
    }
    return this.kind === 'camera' ? me.setCameraEnabled(false) : me.setMicrophoneEnabled(false);
  }

  async #wanted(): Promise<string | undefined> {
    const { deviceId } = this.cell.value;
    if (deviceId === undefined) return undefined;
    return meant({ ...recall(this.around.memory, this.kind), deviceId }, await listed(INPUTS[this.kind as 'camera' | 'microphone']))?.deviceId;
  }

  #capture(deviceId: string | undefined): Promise<LocalTrack> {
    const { videoCaptureDefaults, audioCaptureDefaults } = this.around.room.options;
    const device = deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
    return this.kind === 'camera'
      ? createLocalVideoTrack({ ...videoCaptureDefaults, ...device })
      : createLocalAudioTrack({ ...audioCaptureDefaults, ...device });
  }
}
