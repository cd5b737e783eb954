// One call: what the server knows of it, being in it, and everything one can do there.
import { Room, type RoomOptions } from 'livekit-client';
import type {
  CallChange, CallEvent, CallInfo, CallType, CallWish, Capability, Custom, EventName, JoinAnswer, LendableCapability, Member, MemberWish, MuteWish,
  PermissionRequest, Phase, Role,
} from '@thalweg/api';
import { Chat } from './chat.js';
import { Capture } from './capture.js';
import type { Surroundings } from './device.js';
import { ThalwegError } from './error.js';
import { part, query, type Api } from './http.js';
import type { Memory } from './memory.js';
import { Cell, Emitter, derived, type Observable } from './observable.js';
import { People, type Person } from './people.js';
import { show, type PictureSource } from './picture.js';
import { Pulse, receivedBy } from './pulse.js';
import { Screen } from './screen.js';
import { Session, type CallState, type Ending } from './session.js';
import type { EventSocket } from './socket.js';
import { Sound } from './sound.js';
import { Speaker } from './speaker.js';

/** How to join. */
export interface JoinOptions {
  /** Makes the call with this if it is not there. `true` is a call as its type has it. */
  create?: CallWish | boolean;
  /** Waits for a call that is not live yet, and again when it goes back into backstage: for viewers. */
  wait?: boolean;
  /** Whether the camera is on from the start. When left out: as it was switched before, else as the call's settings say. */
  camera?: boolean;
  /** The same for the microphone. */
  microphone?: boolean;
}

/** What a call works with. @internal */
export interface CallParts {
  readonly api: Api;
  readonly socket: EventSocket;
  readonly memory: Memory | undefined;
  readonly roomOptions: RoomOptions;
  readonly playSound: boolean;
  /** The user's id, once it is known. */
  user(): string | undefined;
  /** Tells the server the user's name and picture. */
  introduce(): Promise<void>;
}

/** When many are told of a change at once, they read the call within this time, in milliseconds, not all in the same moment. */
const SPREAD_MS = 1500;
/** How long the server may take to give a sign of life when media is silent, in milliseconds. */
const SIGN_MS = 1200;
const NONE: readonly never[] = [];

/** A call. There is one object for each call and client, also when it is asked for twice. */
export class Call {
  /** Type and id with a colon between: its name as a room, and in lists of calls. */
  readonly name: string;
  /** LiveKit's own room, for `@livekit/components-react` and whatever is not here. It stays the same object over every join. */
  readonly room: Room;
  readonly camera: Capture;
  readonly microphone: Capture;
  readonly screen: Screen;
  readonly speaker: Speaker;
  readonly chat: Chat;
  /** What the server knows of the call; nothing before `get`, `getOrCreate` or `join`. */
  readonly info: Observable<CallInfo | undefined>;
  /** Backstage, live or ended. */
  readonly phase: Observable<Phase | undefined>;
  /** This user's role in the call. */
  readonly role: Observable<Role | undefined>;
  /** What this user may do. */
  readonly capabilities: Observable<ReadonlySet<Capability>>;
  /** How many are in the call, also beyond those in `people`. */
  readonly count: Observable<number>;
  /** Who asks for more: everybody for those who may grant it, only this user itself for others. */
  readonly requests: Observable<readonly PermissionRequest[]>;
  /** What this user asks for and waits for an answer. */
  readonly asking: Observable<readonly Capability[]>;
  /** Who is in everybody's view. */
  readonly pins: Observable<readonly string[]>;
  readonly #info = new Cell<CallInfo | undefined>(undefined);
  readonly #events = new Emitter<{ [Name in EventName]: CallEvent<Name> } & { any: CallEvent }>();
  readonly #session: Session;
  readonly #people: People;
  readonly #pulse: Pulse;
  readonly #sound: Sound | undefined;
  readonly #path: string;
  /** For each answer that is on its way, what has happened since it was asked for. */
  readonly #answers = new Set<CallEvent[]>();
  #unwatch: (() => void) | undefined;
  #create: CallWish | undefined;
  #wishes: { camera: boolean | undefined; microphone: boolean | undefined } = { camera: undefined, microphone: undefined };
  #rereading: ReturnType<typeof setTimeout> | undefined;

  /** Use `client.call(type, id)`. @internal */
  constructor(
    readonly type: CallType,
    readonly id: string,
    private readonly parts: CallParts,
  ) {
    this.name = `${type}:${id}`;
    this.#path = `/calls/${part(type)}/${part(id)}`;
    this.room = new Room(parts.roomOptions);
    this.info = this.#info;
    this.phase = derived(this.#info, (info) => info?.state);
    this.role = derived(this.#info, (info) => info?.role);
    this.count = derived(this.#info, (info) => info?.participants ?? 0);
    this.requests = derived(this.#info, (info) => info?.requests ?? NONE);
    this.asking = derived(this.requests, (requests) => requests.find(({ user }) => user === parts.user())?.capabilities ?? NONE);
    this.pins = derived(this.#info, (info) => info?.pins ?? NONE);
    this.capabilities = derived(derived(this.#info, (info) => info?.capabilities ?? NONE), (list) => new Set(list));
    this.#session = new Session(this.room, {
      pass: (signal) => this.#pass(signal),
      curtain: (signal) => this.#curtain(signal),
      connected: (again) => this.#connected(again),
      disconnected: (over) => this.#disconnected(over),
      whySentOut: () => this.#whySentOut(),
    });
    this.#pulse = new Pulse(() => receivedBy(this.room), () => parts.socket.alive(SIGN_MS));
    this.#pulse.events.on('lost', () => this.#session.falter());
    this.#pulse.events.on('back', () => this.#session.recover());
    const around: Surroundings = {
      room: this.room,
      memory: parts.memory,
      can: (capability) => this.#info.value === undefined || this.can(capability),
      joined: () => this.#session.inside,
    };
    this.camera = new Capture('camera', around);
    this.microphone = new Capture('microphone', around);
    this.screen = new Screen(around);
    this.speaker = new Speaker(around);
    this.chat = new Chat(parts.api, this.#path);
    this.#people = new People(this.room, this.pins, () => this.#session.inside);
    this.#sound = parts.playSound ? new Sound(this.room) : undefined;
    this.capabilities.subscribe(() => this.#devices.forEach((device) => device.allow()));
    this.state.subscribe(() => this.#people.soon());
  }

  /** Where this user stands: idle, joining, joined, reconnecting, left and why. */
  get state(): Observable<CallState> {
    return this.#session.state;
  }

  /** Who is in the call: this user first, then the others as they came. */
  get people(): Observable<readonly Person[]> {
    return this.#people.list;
  }

  /** Whether the browser holds the sound back until `startSound` is called from a click. */
  get soundHeld(): Observable<boolean> {
    return this.#sound?.held ?? SILENT;
  }

  /** Whether this user may do something. */
  can(capability: Capability): boolean {
    return this.capabilities.value.has(capability);
  }

  /** Calls back with every event of a name, or with `any`, until the answer is called. */
  on<Name extends EventName | 'any'>(name: Name, listener: (event: Name extends EventName ? CallEvent<Name> : CallEvent) => void): () => void {
    return this.#events.on(name, listener as never);
  }

  // ---- the call itself

  /** The call, made if it is not there. From then on its events are heard. */
  async getOrCreate(wish: CallWish = {}): Promise<CallInfo> {
    return this.#read('POST', '', wish);
  }

  /** The call, which must be there. From then on its events are heard. */
  async get(): Promise<CallInfo> {
    return this.#read('GET', '');
  }

  /** Changes plan, settings and own fields; what is left out stays. */
  async update(change: CallChange): Promise<CallInfo> {
    return this.#read('PATCH', '', change);
  }

  /** Opens the curtain: whoever may join comes in. */
  async goLive(): Promise<CallInfo> {
    return this.#read('POST', '/go-live', {});
  }

  /** Closes the curtain: those who may not be behind it go. */
  async stopLive(): Promise<CallInfo> {
    return this.#read('POST', '/stop-live', {});
  }

  /** Ends the call for everybody and for good. */
  async end(): Promise<CallInfo> {
    return this.#read('POST', '/end', {});
  }

  // ---- being in it

  /**
   * Goes in. Camera and microphone that are on already are published.
   *
   * Throws `already_joined` when this user is in, or on the way, with this client. With the same user in another tab, that one is closed.
   */
  async join(options: JoinOptions = {}): Promise<void> {
    const { status } = this.state.value;
    if (status === 'idle' || status === 'left') this.#plan(options);
    await this.#session.join(options.wait === true);
  }

  /** Goes out, or gives up going in. Devices stop. */
  async leave(): Promise<void> {
    await this.#session.leave();
  }

  /** Lets the sound begin where the browser holds it back; call it from a click. */
  async startSound(): Promise<void> {
    await (this.#sound ? this.#sound.start() : this.room.startAudio());
  }

  /** Shows the picture of a user in a `<video>` until the answer is called, whatever happens to its track. */
  show(element: HTMLVideoElement, user: string, source: PictureSource = 'camera'): () => void {
    return show(this.room, element, user, source);
  }

  // ---- members

  /** Adds members, or changes their roles. */
  async putMembers(members: MemberWish[]): Promise<void> {
    await this.#ask('POST', '/members', { put: members });
  }

  /** Takes members out. */
  async removeMembers(users: string[]): Promise<void> {
    await this.#ask('POST', '/members', { remove: users });
  }

  /** Members page by page; `cursor` is the `next` of the page before. */
  async members(page: { limit?: number; cursor?: string } = {}): Promise<{ members: Member[]; members_count: number; next: string | null }> {
    return this.#ask('GET', `/members${query(page)}`);
  }

  // ---- rights

  /** Asks those who may grant it for more: `request('send-audio')` raises a hand. */
  async request(...capabilities: LendableCapability[]): Promise<void> {
    await this.#ask('POST', '/permissions/request', { capabilities });
    const mine = { user: this.parts.user() ?? '', capabilities };
    this.#know((info) => ({ requests: [...(info.requests ?? []).filter(({ user }) => user !== mine.user), mine] }));
  }

  /** Takes back what this user asked for, or all of it: `withdraw('send-audio')` lowers the hand. */
  async withdraw(...capabilities: LendableCapability[]): Promise<void> {
    await this.dismiss(undefined, ...capabilities);
  }

  /** Lowers somebody's hand without a change of what it may do; for those who may grant it. */
  async dismiss(user: string | undefined, ...capabilities: LendableCapability[]): Promise<void> {
    const named = { ...(user === undefined ? {} : { user }), ...(capabilities.length > 0 ? { capabilities } : {}) };
    await this.#ask('POST', '/permissions/withdraw', named);
    this.#know((info) => requestsWithout(info, user ?? this.parts.user(), capabilities));
  }

  /** Gives a user capabilities in this call, at once. */
  async grant(user: string, ...capabilities: LendableCapability[]): Promise<void> {
    await this.#read('POST', '/permissions', { user, grant: capabilities });
  }

  /** Takes them away for this call. It also declines what the user asked for. */
  async revoke(user: string, ...capabilities: LendableCapability[]): Promise<void> {
    await this.#read('POST', '/permissions', { user, revoke: capabilities });
  }

  /** Mutes others, who may unmute themselves. */
  async mute(wish: MuteWish = {}): Promise<void> {
    await this.#ask('POST', '/mute', wish);
  }

  /** Sends a user out, who may join again. */
  async kick(user: string): Promise<void> {
    await this.#ask('POST', '/kick', { user });
  }

  /** Sends a user out and keeps it out. */
  async block(user: string): Promise<void> {
    await this.#ask('POST', '/block', { user });
    void this.#reread();
  }

  /** Lets a user come back. */
  async unblock(user: string): Promise<void> {
    await this.#ask('POST', '/unblock', { user });
    void this.#reread();
  }

  /** Puts users into everybody's view. */
  async pin(...users: string[]): Promise<void> {
    await this.#read('POST', '/pins', { pin: users });
  }

  /** Takes users out of everybody's view. */
  async unpin(...users: string[]): Promise<void> {
    await this.#read('POST', '/pins', { unpin: users });
  }

  // ---- the encoder

  /** Gives the call's encoder another stream key; who sends with the old one is cut off. */
  async renewStreamKey(): Promise<CallInfo> {
    return this.#read('POST', '/stream-key', {});
  }

  // ---- ringing, reactions, own events

  /** Rings for members who are not there: all, or some. Answers for whom. */
  async ring(options: { users?: string[]; timeout_s?: number } = {}): Promise<string[]> {
    return (await this.#ask<{ users: string[] }>('POST', '/ring', options)).users;
  }

  /** Takes a call that rings; `join` does, too. */
  async accept(): Promise<void> {
    await this.#ask('POST', '/accept', {});
  }

  /** Declines a call that rings. */
  async reject(reason = ''): Promise<void> {
    await this.#ask('POST', '/reject', { reason });
  }

  /** Shows a reaction to all: an emoji, or a word of the app's own. All hear `call_reaction`. */
  async react(reaction: string, custom: Custom = {}): Promise<void> {
    await this.#ask('POST', '/reactions', { reaction, custom });
  }

  /** Sends an event of the app's own. All hear `call_custom`. */
  async send(custom: Custom): Promise<void> {
    await this.#ask('POST', '/events', { custom });
  }

  // ---- within the package

  /** Something happened. @internal */
  hear(event: CallEvent): void {
    for (const since of this.#answers) since.push(event);
    const info = this.#info.value;
    if (info) this.#info.set({ ...info, ...changeOf(info, event, this.parts.user()) });
    this.chat.hear(event);
    if (event.event === 'call_members_changed') {
      const mine = event.members.some(({ user }) => user === this.parts.user());
      this.#rereadSoon(mine || event.changed > event.members.length ? 0 : SPREAD_MS);
    }
    if (event.event === 'call_updated') this.#rereadSoon(SPREAD_MS);
    this.#events.emit(event.event, event as never);
    this.#events.emit('any', event);
  }

  /** Events may have been missed. @internal */
  async resync(): Promise<void> {
    if (!this.#unwatch) return;
    await this.#reread();
    if (this.#session.inside) await this.chat.refresh().catch(() => undefined);
  }

  /** Leaves, and lets go of everything. @internal */
  async close(): Promise<void> {
    clearTimeout(this.#rereading);
    this.#unwatch?.();
    this.#unwatch = undefined;
    await this.#session.close();
    this.camera.close();
    this.microphone.close();
  }

  get #devices(): readonly [Capture, Capture, Screen] {
    return [this.camera, this.microphone, this.screen];
  }

  #ask<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object, signal?: AbortSignal): Promise<T> {
    return this.parts.api.ask<T>(method, `${this.#path}${path}`, body, signal);
  }

  #know(change: (info: CallInfo) => Partial<CallInfo>): void {
    const info = this.#info.value;
    if (info) this.#info.set({ ...info, ...change(info) });
  }

  async #read(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<CallInfo> {
    await this.#take(this.#ask<{ call: CallInfo }>(method, path, body));
    return this.#info.value as CallInfo;
  }

  /** Takes over what the server says of the call, and what happened since it said so. */
  async #take<Answer extends { call: CallInfo }>(asked: Promise<Answer>): Promise<Answer> {
    const since: CallEvent[] = [];
    this.#answers.add(since);
    try {
      const answer = await asked;
      this.#info.set(since.reduce((info, event) => ({ ...info, ...changeOf(info, event, this.parts.user()) }), answer.call));
      this.#unwatch ??= this.parts.socket.watch(this.name);
      return answer;
    } finally {
      this.#answers.delete(since);
    }
  }

  #plan({ create, camera, microphone }: JoinOptions): void {
    this.#create = create === true ? {} : create || undefined;
    this.#wishes = { camera, microphone };
  }

  async #pass(signal: AbortSignal): Promise<{ url: string; token: string }> {
    await this.parts.introduce();
    // Heard from the first moment on: what happens while media comes up must not be missed.
    this.#unwatch ??= this.parts.socket.watch(this.name);
    const answer = await this.#take(this.#ask<JoinAnswer>('POST', '/join', this.#create ? { create: this.#create } : {}, signal));
    return { url: mediaUrl(answer.url, this.parts.api.base), token: answer.token };
  }

  /** Waits until the call may be live: it says so, or its time to come ahead begins. */
  async #curtain(signal: AbortSignal): Promise<void> {
    if (!this.#info.value) await this.get().catch(() => undefined);
    const info = this.#info.value;
    // Names are resolved and TLS is up by the time the curtain rises.
    void this.room.prepareConnection(this.parts.api.base.replace(/^http/, 'ws')).catch(() => undefined);
    const ahead = info?.starts_at_ms ? info.starts_at_ms - (info.settings.backstage.join_ahead_s ?? 0) * 1000 - Date.now() : undefined;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        forget();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = ahead !== undefined && ahead > 0 && ahead < 2 ** 31 ? setTimeout(done, ahead) : undefined;
      const forget = this.#info.subscribe((next) => next?.state !== 'backstage' && done());
      signal.addEventListener('abort', done);
      if (signal.aborted || this.#info.value?.state === 'live') done();
    });
  }

  #connected(again: boolean): void {
    const { settings } = this.#info.value ?? {};
    this.#pulse.start();
    if (again) for (const device of this.#devices) void device.resume();
    else {
      void this.camera.begin(this.#wishes.camera, settings?.video.default_on ?? false);
      void this.microphone.begin(this.#wishes.microphone, settings?.audio.default_on ?? false);
      void this.screen.begin();
    }
    void this.speaker.begin();
    void this.chat.refresh().catch(() => undefined);
    this.#people.soon();
  }

  #disconnected(over: boolean): void {
    this.#pulse.stop();
    for (const device of this.#devices) over ? device.finish() : device.hold();
    this.#people.soon();
  }

  async #whySentOut(): Promise<Ending> {
    try {
      const { state, capabilities } = await this.get();
      if (state === 'ended') return 'ended';
      return state === 'backstage' && !capabilities.includes('join-backstage') ? 'backstage' : 'removed';
    } catch (error) {
      const code = error instanceof ThalwegError ? error.code : undefined;
      if (code === 'call_not_found') return 'ended';
      return code?.startsWith('token_') ? 'session' : 'removed';
    }
  }

  #rereadSoon(spreadMs: number): void {
    clearTimeout(this.#rereading);
    this.#rereading = setTimeout(() => void this.#reread(), spreadMs * Math.random());
  }

  async #reread(): Promise<void> {
    clearTimeout(this.#rereading);
    await this.get().catch(() => undefined);
  }
}

const SILENT: Observable<boolean> = new Cell(false);

/** What an event changes of what is known. */
export function changeOf(info: CallInfo, event: CallEvent, me: string | undefined): Partial<CallInfo> {
  switch (event.event) {
    case 'call_updated':
      return { settings: event.settings, custom: event.custom, updated_at_ms: event.created_at_ms };
    case 'call_live_started':
      return { state: 'live', live_at_ms: event.created_at_ms };
    case 'call_live_ended':
      return { state: 'backstage' };
    case 'call_ended':
      return { state: 'ended', ended_at_ms: event.created_at_ms };
    case 'call_participant_joined':
    case 'call_participant_left':
    case 'call_participants':
      return { participants: event.participants };
    case 'call_session_started':
      return { session: { id: event.session, started_at_ms: event.created_at_ms } };
    case 'call_session_ended':
      return { session: null, participants: 0 };
    case 'call_members_changed':
      return membersChange(info, event, me);
    case 'call_pins_changed':
      return { pins: event.pins };
    case 'call_permission_withdrawn':
      return requestsWithout(info, event.user, event.capabilities);
    case 'call_permission_requested': {
      const others = (info.requests ?? []).filter(({ user }) => user !== event.user);
      return { requests: [...others, { user: event.user, capabilities: event.capabilities }] };
    }
    case 'call_permissions_changed':
      return {
        ...(info.requests ? { requests: info.requests.filter(({ user }) => user !== event.user) } : {}),
        ...(event.user === me ? { capabilities: event.capabilities } : {}),
      };
    case 'call_user_blocked':
      return info.blocked ? { blocked: [...info.blocked.filter((user) => user !== event.user), event.user] } : {};
    case 'call_user_unblocked':
      return info.blocked ? { blocked: info.blocked.filter((user) => user !== event.user) } : {};
    default:
      return {};
  }
}

/** Without what somebody asks for no longer; nothing named is all of it. */
function requestsWithout(info: CallInfo, user: string | undefined, gone: readonly Capability[]): Partial<CallInfo> {
  if (!info.requests) return {};
  const left = (asked: Capability[]): Capability[] => (gone.length === 0 ? [] : asked.filter((each) => !gone.includes(each)));
  const requests = info.requests.map((each) => (each.user === user ? { ...each, capabilities: left(each.capabilities) } : each));
  return { requests: requests.filter(({ capabilities }) => capabilities.length > 0) };
}

/** Members as they are now, as far as they are known here, and this user's own role. */
function membersChange(info: CallInfo, event: CallEvent<'call_members_changed'>, me: string | undefined): Partial<CallInfo> {
  const roles = new Map(event.members.map(({ user, role }) => [user, role]));
  const mine = me === undefined ? undefined : roles.get(me);
  const kept = info.members.filter(({ user }) => !roles.has(user));
  const put = event.members.flatMap(({ user, role }) => (role === null ? [] : [{ user, role }]));
  // An admin's role comes with its token, whatever it is as a member.
  const role = mine && info.role !== 'admin' ? { role: mine } : {};
  return { members_count: event.members_count, members: [...kept, ...put].sort((left, right) => (left.user < right.user ? -1 : 1)), ...role };
}

/** The media server's address: behind a proxy that does not say that it speaks TLS, the server cannot know. */
export function mediaUrl(url: string, base: string): string {
  const [media, own] = [new URL(url), new URL(base)];
  if (media.protocol === 'ws:' && own.protocol === 'https:' && media.hostname === own.hostname) media.protocol = 'wss:';
  return media.href;
}
