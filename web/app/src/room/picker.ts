// The select boxes for camera, microphone and speaker.
import { el } from './dom';
import { devicesReachable } from './fault';

/** A select box for one kind of device, kept up to date as devices come and go. */
export class Picker {
  readonly element: HTMLElement;
  private readonly select: HTMLSelectElement;
  private chosen: string;

  constructor(
    private readonly kind: MediaDeviceKind,
    label: string,
    chosen: string | undefined,
    onchoose: (deviceId: string) => void,
  ) {
    this.chosen = chosen ?? 'default';
    this.select = el('select', {
      onchange: () => {
        this.chosen = this.select.value;
        onchoose(this.select.value);
      },
    });
    this.element = el('label', { class: 'field' }, el('span', {}, label), this.select);
    this.element.hidden = kind === 'audiooutput' && !speakerSelectable();
  }

  /** Shows which device runs, when it is not the one chosen here. */
  follow(deviceId: string | undefined): void {
    if (!deviceId || ![...this.select.options].some((option) => option.value === deviceId)) return;
    this.chosen = deviceId;
    this.select.value = deviceId;
  }

  /** Lists the devices anew. Names are empty until the browser has allowed a device once. */
  async refresh(): Promise<void> {
    const devices = devicesReachable() ? await navigator.mediaDevices.enumerateDevices().catch(() => []) : [];
    const mine = devices.filter((device) => device.kind === this.kind && device.deviceId !== '');
    const options = mine.map((device, index) =>
      el('option', { value: device.deviceId }, device.label || `${this.select.labels[0]?.textContent ?? 'Device'} ${index + 1}`),
    );
    if (options.length === 0) options.push(el('option', { value: 'default' }, this.kind === 'audiooutput' ? 'System default' : 'Default'));
    this.select.replaceChildren(...options);
    this.select.disabled = mine.length === 0;
    if (mine.some((device) => device.deviceId === this.chosen)) this.select.value = this.chosen;
  }
}

/** Only some browsers let a page choose where sound comes out. */
export function speakerSelectable(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/** Calls back when devices come or go; the answer ends it. */
export function onDevicesChanged(call: () => void): () => void {
  if (!devicesReachable()) return () => undefined;
  navigator.mediaDevices.addEventListener('devicechange', call);
  return () => navigator.mediaDevices.removeEventListener('devicechange', call);
}
