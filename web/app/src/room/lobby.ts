// Before the call: who you are, which room, and how you look and sound.
import { createAudioAnalyser, type LocalAudioTrack, type LocalVideoTrack } from 'livekit-client';
import { allowed, camera, microphone, type Capture } from './capture';
import { brand, el, icon } from './dom';
import type { Fault } from './fault';
import { onDevicesChanged, Picker } from './picker';
import { roomOfToken } from './ticket';
import { themeButton } from './theme';

/** What the person chose; running tracks pass to the call. */
export interface Entry {
  name: string;
  room: string;
  token: string;
  url: string;
  camera: Capture<LocalVideoTrack>;
  microphone: Capture<LocalAudioTrack>;
  speakerId: string | undefined;
}

/** Fields as they stand when the view opens. */
export interface Prefill {
  name: string;
  room: string;
  token: string;
  url: string;
}

/** The longest name and room that the server takes, in bytes of UTF-8; the field counts characters, which are no more. */
const TEXT_MAX = 256;

/** The view of the lobby. */
export class Lobby {
  readonly element: HTMLElement;
  private readonly camera = camera();
  private readonly microphone = microphone();
  private readonly video = el('video', { muted: true, playsinline: true, autoplay: true });
  private readonly shade = el('div', { class: 'preview-shade' });
  private readonly meter = el('span', { class: 'meter', 'aria-hidden': 'true' }, el('i'));
  private readonly faults = el('div', { class: 'faults', role: 'alert' });
  private readonly cameraButton = this.toggle('camera', () => this.camera);
  private readonly microphoneButton = this.toggle('microphone', () => this.microphone);
  private readonly pickers: Picker[];
  private readonly name: HTMLInputElement;
  private readonly room: HTMLInputElement;
  private readonly url: HTMLInputElement;
  private readonly token: HTMLTextAreaElement;
  private readonly details: HTMLDetailsElement;
  private readonly button = el('button', { class: 'primary', type: 'submit' }, 'Join');
  private readonly problem = el('p', { class: 'problem', role: 'alert' });
  private speakerId: string | undefined;
  private listening: { track: LocalAudioTrack; end: () => void } | undefined;
  private readonly forget: () => void;

  constructor(
    prefill: Prefill,
    private readonly onjoin: (entry: Entry) => Promise<void>,
  ) {
    this.name = el('input', { name: 'name', autocomplete: 'nickname', required: true, maxlength: TEXT_MAX, value: prefill.name, placeholder: 'Ada' });
    this.room = el('input', { name: 'room', autocomplete: 'off', required: true, maxlength: TEXT_MAX, value: prefill.room, placeholder: 'river-talk', autocapitalize: 'none', spellcheck: 'false' });
    this.url = el('input', { name: 'url', inputmode: 'url', autocomplete: 'off', value: prefill.url, placeholder: 'This server', spellcheck: 'false' });
    this.token = el('textarea', { name: 'token', rows: 3, autocomplete: 'off', spellcheck: 'false', placeholder: 'Paste a token from your app' });
    this.token.value = prefill.token;
    this.token.addEventListener('input', () => this.readToken());
    this.details = el(
      'details',
      { open: prefill.token !== '' || prefill.url !== '' },
      el('summary', {}, 'Server and token'),
      field('Server', this.url),
      field('Token', this.token, 'Not needed on a server in dev mode. The token decides the room and the name.'),
    );
    this.pickers = [
      new Picker('videoinput', 'Camera', undefined, (id) => void this.camera.choose(id)),
      new Picker('audioinput', 'Microphone', undefined, (id) => void this.microphone.choose(id)),
      new Picker('audiooutput', 'Speaker', undefined, (id) => (this.speakerId = id)),
    ];
    this.element = this.layout();
    this.camera.onchange = this.microphone.onchange = () => this.draw();
    this.forget = onDevicesChanged(() => void this.list());
    this.readToken();
    this.draw();
    void this.open();
  }

  /** Closes what runs and was not taken by the call. */
  close(): void {
    this.forget();
    this.listening?.end();
    this.camera.take()?.stop();
    this.microphone.take()?.stop();
  }

  /** Joins with the fields as they stand. */
  async submit(): Promise<void> {
    if (this.button.disabled) return;
    this.busy(true);
    this.problem.textContent = '';
    await this.onjoin({
      name: this.name.value.trim(),
      room: this.room.value.trim(),
      token: this.token.value.trim(),
      url: this.url.value.trim(),
      camera: this.camera,
      microphone: this.microphone,
      speakerId: this.speakerId,
    });
    this.busy(false);
  }

  /** Says why joining failed; with `needsToken` the token's field opens. */
  refuse(fault: Pick<Fault, 'title' | 'advice'>, needsToken = false): void {
    this.problem.replaceChildren(el('strong', {}, fault.title), ' ', fault.advice);
    if (needsToken) {
      this.details.open = true;
      this.token.focus();
    } else this.button.focus();
  }

  private layout(): HTMLElement {
    const form = el(
      'form',
      { class: 'entry', onsubmit: (event: SubmitEvent) => (event.preventDefault(), void this.submit()) },
      el('h1', {}, 'Join a room'),
      el('p', { class: 'lead' }, 'Choose a room name and share it: whoever enters the same name meets you there.'),
      field('Your name', this.name),
      field('Room', this.room),
      this.details,
      this.problem,
      this.button,
    );
    const preview = el(
      'section',
      { class: 'look', 'aria-label': 'Camera and microphone' },
      el('div', { class: 'preview' }, this.video, this.shade, el('div', { class: 'preview-bar' }, this.microphoneButton, this.cameraButton)),
      this.faults,
      el('div', { class: 'pickers' }, ...this.pickers.map((picker) => picker.element)),
    );
    return el('main', { class: 'lobby' }, el('header', { class: 'top' }, brand(), themeButton()), el('div', { class: 'lobby-body' }, preview, form));
  }

  private async open(): Promise<void> {
    await this.list();
    if (await allowed('camera')) await this.camera.start();
    if (await allowed('microphone')) await this.microphone.start();
  }

  private async list(): Promise<void> {
    for (const picker of this.pickers) await picker.refresh();
    this.pickers[0]?.follow(this.camera.track?.mediaStreamTrack.getSettings().deviceId);
    this.pickers[1]?.follow(this.microphone.track?.mediaStreamTrack.getSettings().deviceId);
  }

  private draw(): void {
    const stream = this.camera.track?.mediaStreamTrack;
    const shown = this.video.srcObject instanceof MediaStream ? this.video.srcObject.getVideoTracks()[0] : undefined;
    if (shown !== stream) this.video.srcObject = stream ? new MediaStream([stream]) : null;
    this.shade.hidden = stream !== undefined;
    this.shade.replaceChildren(...this.shadeWords());
    paint(this.cameraButton, 'camera', this.camera);
    paint(this.microphoneButton, 'mic', this.microphone);
    this.faults.replaceChildren(...[this.camera, this.microphone].flatMap((capture) => (capture.fault ? [faultCard(capture)] : [])));
    this.listen();
    void this.list();
  }

  private shadeWords(): Node[] {
    if (!this.camera.wanted) return [icon('cameraOff'), el('p', {}, 'Your camera is off')];
    if (this.camera.fault) return [icon('cameraOff'), el('p', {}, 'You can join without a camera')];
    const ask = el('button', { class: 'secondary', type: 'button', onclick: () => void this.startBoth() }, 'Check camera and microphone');
    return [icon('camera'), el('p', {}, 'Your browser will ask before it shows them'), ask];
  }

  private async startBoth(): Promise<void> {
    await this.camera.start();
    if (this.microphone.wanted) await this.microphone.start();
  }

  /** Draws the microphone's level while it runs. */
  private listen(): void {
    const track = this.microphone.track;
    if (this.listening?.track === track) return;
    this.listening?.end();
    this.listening = undefined;
    this.meter.style.setProperty('--level', '0');
    if (!track) return;
    const analyser = createAudioAnalyser(track, { cloneTrack: true, smoothingTimeConstant: 0.6 });
    let frame = 0;
    const step = (): void => {
      this.meter.style.setProperty('--level', Math.min(1, analyser.calculateVolume() * 2).toFixed(3));
      frame = requestAnimationFrame(step);
    };
    step();
    this.listening = {
      track,
      end: () => {
        cancelAnimationFrame(frame);
        void analyser.cleanup();
      },
    };
  }

  private toggle(kind: 'camera' | 'microphone', capture: () => Capture<LocalVideoTrack> | Capture<LocalAudioTrack>): HTMLButtonElement {
    const press = (): void => {
      const source = capture();
      if (source.wanted && !source.fault) source.stop();
      else void source.start();
    };
    return el('button', { class: `round toggle-${kind}`, type: 'button', onclick: press }, kind === 'microphone' && this.meter);
  }

  private readToken(): void {
    const room = roomOfToken(this.token.value.trim());
    if (room) this.room.value = room;
    this.room.readOnly = room !== undefined;
    this.name.required = this.token.value.trim() === '';
  }

  private busy(busy: boolean): void {
    this.button.disabled = busy;
    this.button.textContent = busy ? 'Joining…' : 'Join';
  }
}

function paint(button: HTMLButtonElement, shape: 'camera' | 'mic', capture: { wanted: boolean; fault: Fault | undefined; kind: string }): void {
  const on = capture.wanted && !capture.fault;
  button.querySelector('svg')?.remove();
  button.append(icon(on ? shape : `${shape}Off`));
  button.classList.toggle('off', !on);
  button.setAttribute('aria-pressed', String(on));
  button.setAttribute('aria-label', `${capture.kind === 'camera' ? 'Camera' : 'Microphone'}: ${on ? 'on' : 'off'}`);
}

function faultCard(capture: Capture<LocalVideoTrack> | Capture<LocalAudioTrack>): HTMLElement {
  return el(
    'div',
    { class: 'fault' },
    icon('warn'),
    el('p', {}, el('strong', {}, `${capture.fault?.title ?? ''}.`), ' ', capture.fault?.advice ?? ''),
    el('button', { class: 'link', type: 'button', onclick: () => void capture.start() }, 'Try again'),
  );
}

function field(label: string, input: HTMLElement, hint = ''): HTMLElement {
  return el('label', { class: 'field' }, el('span', {}, label), input, hint !== '' && el('small', {}, hint));
}
