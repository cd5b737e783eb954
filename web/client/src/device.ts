// What camera, microphone and screen have in common: on or off, why not, before the call and in it.
import { ConnectionState, RoomEvent, Track, type LocalTrack, type Room } from 'livekit-client';
import type { Capability } from '@thalweg/api';
import { ThalwegError } from './error.js';
import { devicesReachable, deviceFault, stoppedFault, type Fault } from './fault.js';
import { recall, type Memory } from './memory.js';
import { Cell, type Observable } from './observable.js';

/** One device of the system. Its label is empty until the browser has allowed one once. */
export interface DeviceChoice {
  readonly deviceId: string;
  readonly label: string;
}

/** How a device stands. */
export interface DeviceState {
  /** `starting` while the browser asks the person or opens it; `failed` tells why in `fault`. */
  readonly status: 'off' | 'starting' | 'on' | 'failed';
  /** Why it is not on, in words; of a device that is off, why it was switched off when the person did not do it. */
  readonly fault: Fault | undefined;
  /** Whether the call lets this user publish it. True before the call is known. */
  readonly allowed: boolean;
  /** The devices of this kind. */
  readonly devices: readonly DeviceChoice[];
  /** The chosen one; nothing is the browser's default. */
  readonly deviceId: string | undefined;
  /** The running track, for a preview: `track.attach(element)`. */
  readonly track: LocalTrack | undefined;
}

/** What a device works with. */
export interface Surroundings {
  readonly room: Room;
  readonly memory: Memory | undefined;
  /** Whether the user may do it in the call; true before the call is known. */
  can(capability: Capability): boolean;
  /** Whether tracks can be published at present. */
  joined(): boolean;
}

/** What each is as a source of LiveKit, and what it takes to publish it. */
export const SOURCES = { camera: Track.Source.Camera, microphone: Track.Source.Microphone, screen: Track.Source.ScreenShare } as const;
export const NEEDS = { camera: 'send-video', microphone: 'send-audio', screen: 'screenshare' } as const;

/** What each is called in LiveKit's protocol: `TrackSource`. */
const PROTOCOL = { camera: 1, microphone: 2, screen: 3 } as const;
/** How long the room's word may take after the call's, in milliseconds. */
const GRANT_MS = 5_000;

/** Something that is on or off and may fail. Before the call is joined, switching it on makes a preview, which `join` publishes. */
export abstract class Device {
  protected readonly cell: Cell<DeviceState>;
  /** Whether the person switched it, here or the last time; nothing when never. */
  #wish: boolean | undefined;
  /** Rises with every wish, so that a slow answer to an older one is thrown away. */
  #turn = 0;
  #preview: LocalTrack | undefined;
  #watched: MediaStreamTrack | undefined;
  /** What was published last, while the person wants it: the room may take it down before it is known why. */
  #shown: LocalTrack | undefined;

  constructor(
    /** What it is. */
    readonly kind: 'camera' | 'microphone' | 'screen',
    protected readonly around: Surroundings,
  ) {
    const choice = kind === 'screen' ? {} : recall(around.memory, kind);
    this.#wish = choice.on;
    this.cell = new Cell<DeviceState>({
      status: 'off', fault: undefined, allowed: true, devices: [], deviceId: choice.deviceId, track: undefined,
    });
    const { room } = around;
    for (const event of [RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted] as const) {
      // Not at once: a connection that ends takes its tracks down first and says so then.
      room.on(event, () => queueMicrotask(() => this.#follow()));
    }
  }

  /** How it stands. */
  get state(): Observable<DeviceState> {
    return this.cell;
  }

  /** Whether the person wants it on, by what was switched last, also on another day; nothing when never. */
  get wanted(): boolean | undefined {
    return this.#wish;
  }

  /** Switches it on. A failure does not throw: it is in `state`. */
  async enable(): Promise<void> {
    this.#wish = true;
    this.keep({ on: true });
    await this.#start();
  }

  /** Switches it off. */
  async disable(): Promise<void> {
    this.#wish = false;
    this.keep({ on: false });
    await this.#halt(undefined);
  }

  /** Switches it on when it is off, and off when it is on. */
  async toggle(): Promise<void> {
    const { status } = this.cell.value;
    await (status === 'on' || status === 'starting' ? this.disable() : this.enable());
  }

  /** Opens the device for this call. */
  protected abstract open(): Promise<LocalTrack | undefined>;
  protected abstract publish(): Promise<unknown>;
  protected abstract unpublish(): Promise<unknown>;
  protected keep(_choice: { on?: boolean; deviceId?: string; label?: string }): void {}

  /** Opens it anew, with another choice, if it runs or has failed. */
  protected async reopen(): Promise<void> {
    const { status } = this.cell.value;
    if (status === 'off') return;
    this.#dropPreview();
    await this.#start();
  }

  /** Publishes a track that runs; one that cannot be published must not run on unseen. */
  protected async publishOne(track: LocalTrack): Promise<void> {
    try {
      await this.around.room.localParticipant.publishTrack(track, { source: SOURCES[this.kind] });
    } catch (error) {
      track.stop();
      throw error;
    }
  }

  protected patch(change: Partial<DeviceState>): void {
    this.cell.set({ ...this.cell.value, ...change });
  }

  protected get publication(): ReturnType<Room['localParticipant']['getTrackPublication']> {
    return this.around.room.localParticipant.getTrackPublication(SOURCES[this.kind]);
  }

  /** The call begins: what is wanted is published. `asked` comes before what the person switched, `unasked` after. @internal */
  async begin(asked: boolean | undefined, unasked: boolean): Promise<void> {
    this.allow();
    const on = this.cell.value.allowed && (asked ?? this.#wish ?? unasked);
    if (on) await this.#start();
    else await this.#halt(undefined);
  }

  /** The connection is gone and will be made anew: a device that runs goes on running, and is published again by `resume`. @internal */
  hold(): void {
    const { status, track } = this.cell.value;
    this.#turn += 1;
    this.#preview = status === 'on' ? track : undefined;
    if (status === 'starting') this.patch({ status: 'off' });
  }

  /** The connection is back. @internal */
  async resume(): Promise<void> {
    this.allow();
    if (this.#preview && this.cell.value.allowed) await this.#start();
    else this.#follow();
  }

  /** The call is over: everything is off, and what was wanted is remembered for the next time. @internal */
  finish(): void {
    this.#turn += 1;
    this.#shown = undefined;
    this.#dropPreview();
    this.patch({ status: 'off', fault: undefined, track: undefined });
  }

  /** What the user may do may have changed. @internal */
  allow(): void {
    const allowed = this.around.can(NEEDS[this.kind]);
    if (allowed === this.cell.value.allowed) return;
    this.patch({ allowed });
    const wanted = this.cell.value.status !== 'off' || this.#shown !== undefined;
    // A camera that nobody may see must not run.
    if (!allowed && wanted) void this.#halt(deviceFault(this.kind, new ThalwegError('missing_capability', '')));
    if (allowed && this.cell.value.fault?.code === 'forbidden') this.patch({ fault: undefined });
  }

  async #start(): Promise<void> {
    const turn = ++this.#turn;
    if (!this.cell.value.allowed) {
      return this.patch({ status: 'failed', fault: deviceFault(this.kind, new ThalwegError('missing_capability', '')) });
    }
    this.patch({ status: 'starting', fault: undefined });
    try {
      if (!devicesReachable()) throw new Error('insecure page');
      if (this.around.joined()) await this.#send(turn);
      else await this.#show(turn);
    } catch (error) {
      if (turn === this.#turn) this.patch({ status: 'failed', fault: deviceFault(this.kind, error), track: undefined });
    }
  }

  /** Waits for the room to know what the call has just granted: the news comes by two ways, and this one is needed to publish. */
  #permitted(): Promise<void> {
    const { room } = this.around;
    const may = (): boolean => {
      const { canPublish = true, canPublishSources = [] } = room.localParticipant.permissions ?? {};
      return canPublish && (canPublishSources.length === 0 || canPublishSources.includes(PROTOCOL[this.kind]));
    };
    return new Promise((resolve) => {
      const look = (late: boolean): void => {
        if (!late && !may()) return;
        clearTimeout(timer);
        room.off(RoomEvent.ParticipantPermissionsChanged, changed);
        resolve();
      };
      const changed = (): void => look(false);
      const timer = setTimeout(() => look(true), GRANT_MS);
      room.on(RoomEvent.ParticipantPermissionsChanged, changed);
      look(false);
    });
  }

  /** In the call. */
  async #send(turn: number): Promise<void> {
    await this.#permitted();
    if (turn !== this.#turn) return;
    const preview = this.#preview;
    this.#preview = undefined;
    if (preview) await this.publishOne(preview);
    else await this.publish();
    if (turn !== this.#turn) return void (this.#wish === false && (await this.unpublish()));
    this.#follow();
    this.watch();
  }

  /** Before the call. */
  async #show(turn: number): Promise<void> {
    const track = this.#preview ?? (await this.open());
    if (turn !== this.#turn) return track?.stop();
    this.#preview = track;
    // The call may have begun while the browser asked.
    if (this.around.joined()) return this.#send(turn);
    this.patch({ status: track ? 'on' : 'off', track });
    this.watch();
  }

  async #halt(fault: Fault | undefined): Promise<void> {
    this.#turn += 1;
    const shown = this.#shown;
    this.#shown = undefined;
    this.#dropPreview();
    this.patch({ status: 'off', fault, track: undefined });
    if (this.around.joined()) await this.unpublish().catch(() => undefined);
    if (!this.cell.value.allowed) shown?.stop();
  }

  #dropPreview(): void {
    this.#preview?.stop();
    this.#preview = undefined;
    if (!this.around.joined()) this.patch({ status: 'off', track: undefined });
  }

  /** Takes over what the room says: somebody else may have muted it. */
  #follow(): void {
    // While the connection is made anew tracks go and come back: that is not the person's doing.
    if (!this.around.joined() || this.around.room.state !== ConnectionState.Connected) return;
    const { publication } = this;
    const track = publication?.isMuted === false ? publication.track : undefined;
    if (track) {
      this.#shown = track as LocalTrack;
      this.patch({ status: 'on', fault: undefined, track });
    } else if (this.cell.value.status === 'on') this.patch({ status: 'off', track: undefined });
  }

  /** Notices when the running device is pulled out. */
  protected watch(): void {
    const { track } = this.cell.value;
    const source = track?.mediaStreamTrack;
    if (!track || !source || this.#watched === source) return;
    this.#watched = source;
    source.addEventListener('ended', () => {
      if (this.cell.value.track?.mediaStreamTrack !== source) return;
      const own = this.kind === 'screen';
      void this.#halt(own ? undefined : stoppedFault(this.kind)).then(() => {
        if (!own && this.cell.value.status === 'off') this.patch({ status: 'failed', fault: stoppedFault(this.kind) });
      });
    });
  }
}

/** The devices of a kind that there are. */
export async function listed(kind: MediaDeviceKind): Promise<readonly DeviceChoice[]> {
  const all = devicesReachable() ? await navigator.mediaDevices.enumerateDevices().catch(() => []) : [];
  return all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ deviceId, label }));
}
