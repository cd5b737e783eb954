// One user's way to a server: its token, its calls, and what rings.
import { VideoPresets, type RoomOptions } from 'livekit-client';
import type { CallEvent, CallInfo, CallQuery, CallType, Custom, GuestAnswer, User } from '@thalweg/api';
import { Call, type CallParts } from './call.js';
import { ThalwegError } from './error.js';
import { callFault, type Fault } from './fault.js';
import { Api, baseOf, part, query } from './http.js';
import { pageMemory, type Memory } from './memory.js';
import { Cell, derived, type Observable } from './observable.js';
import { EventSocket } from './socket.js';
import { TokenKeeper, claimsOf, type TokenProvider } from './token.js';

/** Who uses the client. */
export interface ClientUser {
  id: string;
  /** What others read. The server is told when a call is first joined; what is left out stays as it is there. */
  name?: string;
  /** The address of a picture. */
  image?: string;
  custom?: Custom;
}

/** How to reach a server, and as whom. */
export interface ClientOptions {
  /** The server: `https://calls.example.com`. The page's own host when left out. */
  url?: string;
  /** The API key with which the app's back end signs. Tokens of another are refused here, before the server does it. */
  apiKey?: string;
  user?: ClientUser;
  /** A token of the user. It ends, and then only a `tokenProvider` helps. */
  token?: string;
  /** Gives a fresh token from the app's back end: asked for at first, before each one ends, and again when that failed. */
  tokenProvider?: TokenProvider;
  /** No token at all, where the server lets anybody watch (`calls.anonymous`). */
  anonymous?: boolean;
  /** Where chosen devices are remembered: the page's `localStorage` when left out, nowhere when `false`. */
  memory?: Memory | false;
  /** Whether the sound of calls is played by itself; set it to false if the app renders it, as LiveKit's `RoomAudioRenderer` does. */
  playSound?: boolean;
  /** More options of LiveKit's `Room`, for every call. */
  room?: RoomOptions;
}

/** Where the client stands with its server. */
export interface ClientState {
  /** `idle` until something is asked; `offline` while the server is away and is tried again. */
  readonly status: 'idle' | 'connecting' | 'online' | 'offline';
  /** Why, in words. */
  readonly fault: Fault | undefined;
}

/** A call that rings for this user. */
export interface Ringing {
  readonly call: Call;
  /** Who calls. */
  readonly by: string;
  /** When it is missed, in milliseconds since 1970. */
  readonly untilMs: number;
  /** The call's own fields. */
  readonly custom: Custom;
}

/** A page of calls. */
export interface CallPage {
  readonly calls: readonly CallInfo[];
  /** Gives the next page; nothing after the last. */
  readonly next: (() => Promise<CallPage>) | undefined;
}

/** A user's client. One for an app and user is enough; `close` it when the user goes. */
export class ThalwegClient {
  /** The server's address. */
  readonly url: string;
  /** Whether the server is there. */
  readonly state: Observable<ClientState>;
  /** What rings for this user. `listen` makes it hear of rings. */
  readonly ringing: Observable<readonly Ringing[]>;
  readonly #ringing = new Cell<readonly Ringing[]>([]);
  readonly #refused = new Cell<Fault | undefined>(undefined);
  readonly #calls = new Map<string, Call>();
  readonly #tokens: TokenKeeper | undefined;
  readonly #api: Api;
  readonly #socket: EventSocket;
  readonly #parts: CallParts;
  readonly #user: ClientUser | undefined;
  #introduced: Promise<void> | undefined;
  #userId: string | undefined;

  constructor(options: ClientOptions) {
    const { user, apiKey, token, tokenProvider, anonymous = false } = options;
    if (!anonymous && token === undefined && tokenProvider === undefined) {
      throw new ThalwegError('token_missing', 'give a token or a tokenProvider, or say anonymous: true');
    }
    this.url = baseOf(options.url ?? globalThis.location?.href ?? '');
    this.#user = user;
    this.#userId = user?.id ?? (token === undefined ? undefined : claimsOf(token)?.sub);
    this.#tokens = anonymous ? undefined : new TokenKeeper(user?.id, apiKey, tokenProvider, token);
    this.#tokens?.events.on('renewed', (renewed) => {
      this.#userId = claimsOf(renewed)?.sub ?? this.#userId;
      this.#refused.set(undefined);
    });
    this.#tokens?.events.on('failed', (error) => this.#refused.set(callFault(error)));
    this.#api = new Api(this.url, this.#tokens);
    this.#socket = new EventSocket(this.url, this.#tokens, () => this.#api.ask('GET', `/calls${query({ limit: 1 })}`));
    this.#socket.events.on('event', (event) => this.#hear(event));
    this.#socket.events.on('back', () => this.#calls.forEach((call) => void call.resync()));
    this.#socket.events.on('refused', (error) => this.#refused.set(callFault(error)));
    this.state = stateOf(this.#socket.state, this.#refused);
    this.ringing = this.#ringing;
    this.#parts = {
      api: this.#api,
      socket: this.#socket,
      memory: options.memory === false ? undefined : (options.memory ?? pageMemory()),
      playSound: options.playSound ?? true,
      roomOptions: roomOptions(options.room),
      user: () => this.#userId,
      introduce: () => this.#introduce(),
    };
  }

  /** A client for a guest, where the server lets guests in (`calls.guests`): no back end is needed. */
  static async guest(options: { url?: string; name?: string; image?: string } & Pick<ClientOptions, 'memory' | 'playSound' | 'room'>): Promise<ThalwegClient> {
    const { url = globalThis.location?.href ?? '', name = '', image = '', ...more } = options;
    const { user, token } = await new Api(baseOf(url), undefined).ask<GuestAnswer>('POST', '/guests', { name, image });
    return new ThalwegClient({ ...more, url, token, user: { id: user.id } });
  }

  /** The user's id, once it is known: from `user`, or from the first token. */
  get userId(): string | undefined {
    return this.#userId;
  }

  /** A call by type and id; the same object whenever the same is asked for. The server is not asked yet. */
  call(type: CallType, id: string): Call {
    const name = `${type}:${id}`;
    const known = this.#calls.get(name);
    if (known) return known;
    if (type === '' || id === '' || type.includes(':')) throw new ThalwegError('invalid', `${JSON.stringify(name)} is not a call's type and id`);
    const call = new Call(type, id, this.#parts);
    this.#calls.set(name, call);
    return call;
  }

  /** Calls that this user may read: filtered, sorted, page by page. */
  async query(wish: CallQuery = {}): Promise<CallPage> {
    const { calls, next } = await this.#api.ask<{ calls: CallInfo[]; next: string | null }>('GET', `/calls${query(wish)}`);
    return { calls, next: next === null ? undefined : () => this.query({ ...wish, cursor: next }) };
  }

  /** A user, such as somebody in the chat. */
  async user(id: string): Promise<User> {
    return (await this.#api.ask<{ user: User }>('GET', `/users/${part(id)}`)).user;
  }

  /** Changes this user's name, picture and own fields; what is left out stays. */
  async update(change: { name?: string; image?: string; custom?: Custom }): Promise<User> {
    return (await this.#api.ask<{ user: User }>('PATCH', '/users/me', change)).user;
  }

  /** Connects without a call, so that rings are heard. */
  listen(): void {
    this.#socket.open();
  }

  /** Leaves all calls and lets go of everything. The client is of no use afterwards. */
  async close(): Promise<void> {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    await Promise.all(calls.map((call) => call.close()));
    this.#socket.close();
    this.#tokens?.close();
    this.#ringing.set([]);
  }

  #hear(event: CallEvent): void {
    this.#rings(event);
    this.#calls.get(`${event.call_type}:${event.call_id}`)?.hear(event);
  }

  #rings(event: CallEvent): void {
    const name = `${event.call_type}:${event.call_id}`;
    const others = this.#ringing.value.filter(({ call, untilMs }) => call.name !== name && untilMs > Date.now());
    if (event.event === 'call_ring') {
      const { by, until_ms: untilMs, custom } = event;
      this.#ringing.set([...others, { call: this.call(event.call_type, event.call_id), by, untilMs, custom }]);
      return;
    }
    const answered = event.event === 'call_accepted' || event.event === 'call_rejected' || event.event === 'call_missed';
    const over = answered ? event.user === this.#userId : event.event === 'call_ended';
    if (over && others.length < this.#ringing.value.length) this.#ringing.set(others);
  }

  /** Tells the server once what the app said of the user. */
  #introduce(): Promise<void> {
    const { name, image, custom } = this.#user ?? {};
    if (name === undefined && image === undefined && custom === undefined) return Promise.resolve();
    const told = { ...(name === undefined ? {} : { name }), ...(image === undefined ? {} : { image }), ...(custom === undefined ? {} : { custom }) };
    this.#introduced ??= this.update(told).then(() => undefined, (error: unknown) => {
      this.#introduced = undefined;
      throw error;
    });
    return this.#introduced;
  }
}

function roomOptions(given: RoomOptions = {}): RoomOptions {
  return {
    adaptiveStream: true,
    dynacast: true,
    singlePeerConnection: true,
    videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    ...given,
    // Devices run on while a broken connection is made anew; they are stopped here.
    stopLocalTrackOnUnpublish: false,
  };
}

const STATUS = { closed: 'idle', connecting: 'connecting', open: 'online', waiting: 'offline' } as const;

/** The client's state out of the connection's and of what was refused. */
function stateOf(socket: EventSocket['state'], refused: Observable<Fault | undefined>): Observable<ClientState> {
  const made = new Cell<ClientState>({ status: 'idle', fault: undefined });
  const look = (): void => {
    const status = STATUS[socket.value];
    const away = status === 'offline' ? callFault(new ThalwegError('unreachable', '')) : undefined;
    const next = { status, fault: refused.value ?? away };
    if (next.status !== made.value.status || next.fault?.title !== made.value.fault?.title) made.set(next);
  };
  socket.subscribe(look);
  refused.subscribe(look);
  return derived(made, (state) => state);
}
