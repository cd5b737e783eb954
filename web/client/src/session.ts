// Being in a call: the way in, the way back after a break, and how it ends.
import { ConnectionError, ConnectionErrorReason, ConnectionState, DisconnectReason, RoomEvent, type Room } from 'livekit-client';
import { pause, pauseMs } from './backoff.js';
import { ThalwegError, isPassing } from './error.js';
import { ENDINGS, INTERRUPTED, callFault, type Fault } from './fault.js';
import { Cell, type Observable } from './observable.js';

/** How being in a call ended. */
export type Ending =
  /** By `leave`. */
  | 'left'
  /** The call was ended for everybody. */
  | 'ended'
  /** The call went back into backstage. */
  | 'backstage'
  /** Somebody sent this user out. */
  | 'removed'
  /** The same user joined from somewhere else. */
  | 'replaced'
  /** The user's tokens were voided, or no new one could be had. */
  | 'session'
  /** The connection did not come back. */
  | 'lost';

/** Where this user stands with a call. */
export type CallState =
  | { readonly status: 'idle'; readonly fault?: undefined }
  /** On the way in. */
  | { readonly status: 'joining'; readonly fault?: undefined }
  /** Joined with `wait`, and the call is not live yet: `fault` says so in words. */
  | { readonly status: 'waiting'; readonly fault: Fault }
  | { readonly status: 'joined'; readonly fault?: undefined }
  /** The connection broke and is being made again: `fault` says so in words. */
  | { readonly status: 'reconnecting'; readonly fault: Fault }
  /** Over; `fault` says why in words, unless this user left. It can be joined again. */
  | { readonly status: 'left'; readonly why: Ending; readonly fault: Fault | undefined };

/** What a session asks of its call. */
export interface SessionPort {
  /** Asks the server for everything to join with. */
  pass(signal: AbortSignal): Promise<{ url: string; token: string }>;
  /** Resolves when the call may be live. */
  curtain(signal: AbortSignal): Promise<void>;
  /** Media is up, for the first time or again. */
  connected(again: boolean): void;
  /** Media is gone; with `over` for good. */
  disconnected(over: boolean): void;
  /** Why the server sent this user out. */
  whySentOut(): Promise<Ending>;
}

/** How long a broken connection is tried to be made again, in milliseconds: a server's restart with its upgrade, a train's tunnel. */
const GIVE_UP_MS = 5 * 60_000;

/** How often the way in is tried again when the media server shuts its door between two words of ours: asked again, the API tells why. */
const REFUSALS_MAX = 2;

/** One user's way through a call. */
export class Session {
  readonly #state = new Cell<CallState>({ status: 'idle' });
  readonly #forget: () => void;
  #stop: AbortController | undefined;
  #wait = false;
  #rejoining = false;

  constructor(
    private readonly room: Room,
    private readonly port: SessionPort,
  ) {
    const broken = (): void => this.falter();
    const mended = (): void => this.recover();
    room.on(RoomEvent.Reconnecting, broken);
    room.on(RoomEvent.SignalReconnecting, broken);
    room.on(RoomEvent.Reconnected, mended);
    // The browser knows sooner than the connection that the network is gone. A short loss leaves the connection whole.
    globalThis.addEventListener?.('offline', broken);
    globalThis.addEventListener?.('online', mended);
    this.#forget = () => {
      globalThis.removeEventListener?.('offline', broken);
      globalThis.removeEventListener?.('online', mended);
    };
    room.on(RoomEvent.Disconnected, (reason) => void this.#ended(reason));
  }

  get state(): Observable<CallState> {
    return this.#state;
  }

  /** Whether the user is in, as far as devices are concerned: also while LiveKit mends the connection by itself. */
  get inside(): boolean {
    const connected = this.room.state !== ConnectionState.Disconnected && this.room.state !== ConnectionState.Connecting;
    return connected && (this.#is('joined') || this.#is('reconnecting'));
  }

  /** The connection broke, as far as can be told from here. */
  falter(): void {
    if (this.#is('joined')) this.#state.set({ status: 'reconnecting', fault: INTERRUPTED });
  }

  /** It works again. */
  recover(): void {
    if (!this.#is('reconnecting') || !this.#stop || this.#rejoining || this.room.state !== ConnectionState.Connected) return;
    this.#state.set({ status: 'joined' });
    this.port.connected(true);
  }

  /** Goes in. With `wait` it waits for the call to go live, also again after it went back into backstage. */
  async join(wait: boolean): Promise<void> {
    const { status } = this.#state.value;
    if (status !== 'idle' && status !== 'left') throw new ThalwegError('already_joined', `this call is ${status} already: leave it before it is joined again`);
    this.#wait = wait;
    const stop = (this.#stop = new AbortController());
    try {
      await this.#enter(stop.signal);
    } catch (error) {
      if (this.#stop !== stop) throw new ThalwegError('cancelled', 'the call was left while it was joined', { cause: error });
      this.#stop = undefined;
      this.#state.set({ status: 'left', why: endingOf(error), fault: callFault(error) });
      throw error;
    }
  }

  /** Goes out, or gives up going in. */
  async leave(): Promise<void> {
    const { status } = this.#state.value;
    if (status === 'idle' || status === 'left') return;
    this.#over('left', undefined);
    await this.room.disconnect(true);
  }

  /** Leaves, and lets go of the browser. */
  async close(): Promise<void> {
    this.#forget();
    await this.leave();
  }

  async #enter(signal: AbortSignal): Promise<void> {
    for (let refused = 0; ; ) {
      this.#state.set({ status: 'joining' });
      try {
        await this.#connect(signal);
        this.#state.set({ status: 'joined' });
        return this.port.connected(false);
      } catch (caught) {
        const error = await this.#reason(caught, signal);
        if (isRefusal(error) && (refused += 1) <= REFUSALS_MAX && !signal.aborted) {
          await pause(pauseMs(refused, Math.random()), signal);
          continue;
        }
        const early = error instanceof ThalwegError && error.code === 'call_not_live';
        if (!early || !this.#wait || signal.aborted) throw error;
        this.#state.set({ status: 'waiting', fault: callFault(error) });
        await this.port.curtain(signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Why there was no way in: a call that ended meanwhile looks like a broken connection, and the API knows better. */
  async #reason(error: unknown, signal: AbortSignal): Promise<unknown> {
    const unclear = error instanceof ThalwegError && error.code === 'media' && !isRefusal(error);
    if (!unclear || signal.aborted) return error;
    return this.port.pass(signal).then(() => error, (told: unknown) => told);
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { url, token } = await this.port.pass(signal);
    const stop = (): void => void this.room.disconnect();
    signal.addEventListener('abort', stop);
    try {
      if (signal.aborted) throw new ThalwegError('cancelled', 'it was called off');
      await this.room.connect(url, token);
    } catch (error) {
      throw mediaError(error);
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (signal.aborted) throw new ThalwegError('cancelled', 'it was called off');
  }

  /** LiveKit's connection is over, after it tried what it can by itself. */
  async #ended(reason: DisconnectReason | undefined): Promise<void> {
    const stop = this.#stop;
    if (!stop || !(this.#is('joined') || this.#is('reconnecting')) || this.#rejoining) return;
    if (reason === DisconnectReason.CLIENT_INITIATED) return this.#over('left', undefined);
    if (reason === DisconnectReason.DUPLICATE_IDENTITY) return this.#over('replaced', ENDINGS.replaced);
    const sentOut = reason === DisconnectReason.PARTICIPANT_REMOVED || reason === DisconnectReason.ROOM_DELETED || reason === DisconnectReason.ROOM_CLOSED;
    if (sentOut) return this.#sentOut(stop);
    this.port.disconnected(false);
    await this.#rejoin(stop.signal);
  }

  async #sentOut(stop: AbortController): Promise<void> {
    this.port.disconnected(true);
    const why = await this.port.whySentOut().catch(() => 'removed' as const);
    if (this.#stop !== stop) return;
    if (why !== 'backstage' || !this.#wait) return this.#over(why, why === 'left' ? undefined : ENDINGS[why]);
    await this.#enter(stop.signal).catch((error: unknown) => this.#stop === stop && this.#over(endingOf(error), callFault(error)));
  }

  async #rejoin(signal: AbortSignal): Promise<void> {
    this.#rejoining = true;
    this.#state.set({ status: 'reconnecting', fault: INTERRUPTED });
    const end = Date.now() + GIVE_UP_MS;
    try {
      for (let attempt = 0; Date.now() < end; attempt += 1) {
        try {
          await this.#connect(signal);
          this.#state.set({ status: 'joined' });
          return this.port.connected(true);
        } catch (error) {
          if (signal.aborted) return;
          if (!isPassing(error)) return this.#over(endingOf(error), callFault(error));
        }
        await pause(pauseMs(attempt, Math.random()), signal);
        if (signal.aborted) return;
      }
      this.#over('lost', ENDINGS.lost);
    } finally {
      this.#rejoining = false;
    }
  }

  #over(why: Ending, fault: Fault | undefined): void {
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.abort();
    this.#state.set({ status: 'left', why, fault });
    this.port.disconnected(true);
  }

  #is(status: CallState['status']): boolean {
    return this.#state.value.status === status;
  }
}

function endingOf(error: unknown): Ending {
  if (!(error instanceof ThalwegError)) return 'lost';
  if (error.code === 'call_ended' || error.code === 'call_not_found') return 'ended';
  if (error.code === 'call_not_live') return 'backstage';
  if (error.code === 'blocked') return 'removed';
  return error.code.startsWith('token_') ? 'session' : 'lost';
}

/** The media server said no, though the API had said yes a moment before. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof ThalwegError && error.code === 'media' ? error.cause : undefined;
  return cause instanceof ConnectionError && (cause.reason === ConnectionErrorReason.NotAllowed || cause.reason === ConnectionErrorReason.LeaveRequest);
}

function mediaError(error: unknown): ThalwegError {
  if (error instanceof ThalwegError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const cancelled = error instanceof ConnectionError && error.reason === ConnectionErrorReason.Cancelled;
  return new ThalwegError(cancelled ? 'cancelled' : 'media', message, { cause: error });
}
