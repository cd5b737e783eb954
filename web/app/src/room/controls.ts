// The bar at the foot of the call: microphone, camera, screen, devices, leave.
import { Track, type Room } from 'livekit-client';
import { el, icon, type IconName } from './dom';
import { deviceFault, type Kind } from './fault';
import { notifyFault } from './notice';
import { onDevicesChanged, Picker } from './picker';

/** The bar; `update` brings it in line with the room. */
export class Controls {
  readonly element: HTMLElement;
  private readonly dialog: HTMLDialogElement;
  private readonly microphone = this.button('microphone', () => void this.toggle('microphone'));
  private readonly camera = this.button('camera', () => void this.toggle('camera'));
  private readonly screen = this.button('screen', () => void this.toggle('screen'));
  private readonly pickers: Picker[];
  private readonly forget: () => void;
  private readonly onkey = (event: KeyboardEvent): void => this.key(event);

  constructor(
    private readonly room: Room,
    onleave: () => void,
  ) {
    this.screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    const choose = (kind: MediaDeviceKind, fault: Kind) => (id: string): void => {
      void room.switchActiveDevice(kind, id).catch((error: unknown) => notifyFault(deviceFault(fault, error)));
    };
    this.pickers = [
      new Picker('videoinput', 'Camera', room.getActiveDevice('videoinput'), choose('videoinput', 'camera')),
      new Picker('audioinput', 'Microphone', room.getActiveDevice('audioinput'), choose('audioinput', 'microphone')),
      new Picker('audiooutput', 'Speaker', room.getActiveDevice('audiooutput'), choose('audiooutput', 'microphone')),
    ];
    this.dialog = this.settings();
    const devices = el('button', { class: 'round', type: 'button', 'aria-label': 'Devices', title: 'Devices', 'aria-haspopup': 'dialog', onclick: () => void this.openSettings() }, icon('sliders'));
    const leave = el('button', { class: 'round leave', type: 'button', 'aria-label': 'Leave', title: 'Leave', onclick: onleave }, icon('leave'));
    this.element = el('nav', { class: 'controls', 'aria-label': 'Call' }, this.microphone, this.camera, this.screen, devices, leave, this.dialog);
    this.forget = onDevicesChanged(() => void this.refresh());
    document.addEventListener('keydown', this.onkey);
  }

  /** Shows what is on and what may be published. */
  update(): void {
    const me = this.room.localParticipant;
    const may = me.permissions?.canPublish ?? true;
    paint(this.microphone, me.isMicrophoneEnabled ? 'mic' : 'micOff', me.isMicrophoneEnabled, 'Microphone', 'M', may);
    paint(this.camera, me.isCameraEnabled ? 'camera' : 'cameraOff', me.isCameraEnabled, 'Camera', 'V', may);
    paint(this.screen, 'screen', me.isScreenShareEnabled, 'Share your screen', 'S', may);
    this.screen.classList.toggle('off', false);
    this.screen.classList.toggle('active', me.isScreenShareEnabled);
  }

  /** Leaves nothing behind. */
  close(): void {
    this.forget();
    document.removeEventListener('keydown', this.onkey);
    this.dialog.close();
  }

  private async toggle(kind: Kind): Promise<void> {
    const button = { microphone: this.microphone, camera: this.camera, screen: this.screen }[kind];
    if (button.disabled) return;
    const me = this.room.localParticipant;
    button.disabled = true;
    try {
      if (kind === 'microphone') await me.setMicrophoneEnabled(!me.isMicrophoneEnabled);
      else if (kind === 'camera') await me.setCameraEnabled(!me.isCameraEnabled);
      else await me.setScreenShareEnabled(!me.isScreenShareEnabled, { audio: true });
    } catch (error) {
      notifyFault(deviceFault(kind, error));
    }
    button.disabled = false;
    this.update();
  }

  private key(event: KeyboardEvent): void {
    const typing = event.target instanceof Element && event.target.closest('input, textarea, select, dialog[open]');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const kind = ({ m: 'microphone', v: 'camera', s: 'screen' } as const)[event.key.toLowerCase()];
    if (kind && !(kind === 'screen' && this.screen.hidden)) void this.toggle(kind);
  }

  private button(name: string, press: () => void): HTMLButtonElement {
    return el('button', { class: `round toggle-${name}`, type: 'button', onclick: press });
  }

  private settings(): HTMLDialogElement {
    const dialog = el(
      'dialog',
      { class: 'settings', 'aria-label': 'Devices', onclick: (event: MouseEvent) => event.target === dialog && dialog.close() },
      el(
        'form',
        { method: 'dialog' },
        el('h2', {}, 'Devices'),
        ...this.pickers.map((picker) => picker.element),
        el('button', { class: 'secondary', type: 'submit' }, 'Done'),
      ),
    );
    return dialog;
  }

  private async openSettings(): Promise<void> {
    await this.refresh();
    this.dialog.showModal();
  }

  private async refresh(): Promise<void> {
    for (const picker of this.pickers) await picker.refresh();
    const me = this.room.localParticipant;
    const sources = [Track.Source.Camera, Track.Source.Microphone];
    for (const [index, source] of sources.entries()) {
      this.pickers[index]?.follow(me.getTrackPublication(source)?.track?.mediaStreamTrack.getSettings().deviceId);
    }
  }
}

function paint(button: HTMLButtonElement, shape: IconName, on: boolean, label: string, key: string, may: boolean): void {
  button.replaceChildren(icon(shape));
  button.classList.toggle('off', !on);
  button.classList.toggle('forbidden', !may);
  button.disabled = !may;
  button.setAttribute('aria-pressed', String(on));
  button.setAttribute('aria-label', `${label}: ${on ? 'on' : 'off'}`);
  button.title = may ? `${label} (${key})` : 'You may not publish in this room';
}
