// Where the sound comes out.
import { listed, type DeviceChoice, type Surroundings } from './device.js';
import { meant, recall, remember } from './memory.js';
import { Cell, type Observable } from './observable.js';

/** Where the sound comes out. */
export class Speaker {
  readonly #cell: Cell<{ readonly devices: readonly DeviceChoice[]; readonly deviceId: string | undefined }>;

  constructor(private readonly around: Surroundings) {
    this.#cell = new Cell({ devices: [] as readonly DeviceChoice[], deviceId: recall(around.memory, 'speaker').deviceId });
  }

  /** The outputs, and the chosen one. */
  get state(): Observable<{ readonly devices: readonly DeviceChoice[]; readonly deviceId: string | undefined }> {
    return this.#cell;
  }

  /** Only some browsers let a page choose. */
  get supported(): boolean {
    return typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;
  }

  /** Lists the outputs anew. */
  async refresh(): Promise<readonly DeviceChoice[]> {
    const devices = await listed('audiooutput');
    this.#cell.set({ ...this.#cell.value, devices });
    return devices;
  }

  /** Chooses an output and remembers it. */
  async select(deviceId: string): Promise<void> {
    const label = this.#cell.value.devices.find((device) => device.deviceId === deviceId)?.label;
    await this.around.room.switchActiveDevice('audiooutput', deviceId);
    this.#cell.set({ ...this.#cell.value, deviceId });
    remember(this.around.memory, 'speaker', { deviceId, ...(label ? { label } : {}) });
  }

  /** Uses what was chosen last time. @internal */
  async begin(): Promise<void> {
    const { deviceId } = this.#cell.value;
    if (deviceId === undefined || !this.supported) return;
    const chosen = meant(recall(this.around.memory, 'speaker'), await this.refresh());
    if (chosen) await this.around.room.switchActiveDevice('audiooutput', chosen.deviceId).catch(() => undefined);
  }
}
