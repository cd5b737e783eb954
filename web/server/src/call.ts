// One call, as a back end sees it: it may do everything.
import type {
  CallChange, CallInfo, CallType, CallWish, Custom, JoinAnswer, LendableCapability, Member, MemberWish, Message, MuteWish, Role,
} from '@thalweg/api';
import type { Ask } from './server.js';

/** A call by type and id. */
export class ServerCall {
  readonly #path: string;

  /** Use `server.call(type, id)`. @internal */
  constructor(
    readonly type: CallType,
    readonly id: string,
    private readonly ask: Ask,
  ) {
    this.#path = `/calls/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
  }

  /** The call, made if it is not there; `created_by` is the user who is its host. */
  async getOrCreate(wish: CallWish & { created_by: string }): Promise<CallInfo> {
    return this.#call('POST', '', wish);
  }

  /** The call, which must be there. */
  async get(): Promise<CallInfo> {
    return this.#call('GET', '');
  }

  /** Changes plan, settings and own fields; what is left out stays. */
  async update(change: CallChange): Promise<CallInfo> {
    return this.#call('PATCH', '', change);
  }

  /** Opens the curtain. */
  async goLive(): Promise<CallInfo> {
    return this.#call('POST', '/go-live', {});
  }

  /** Closes the curtain. */
  async stopLive(): Promise<CallInfo> {
    return this.#call('POST', '/stop-live', {});
  }

  /** Ends the call for everybody and for good. */
  async end(): Promise<CallInfo> {
    return this.#call('POST', '/end', {});
  }

  /** Adds members, or changes their roles. */
  async putMembers(members: MemberWish[]): Promise<void> {
    await this.ask('POST', `${this.#path}/members`, { put: members });
  }

  /** Takes members out. */
  async removeMembers(users: string[]): Promise<void> {
    await this.ask('POST', `${this.#path}/members`, { remove: users });
  }

  /** All members, page after page. */
  async *members(): AsyncGenerator<Member> {
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { members: Member[]; next: string | null } = await this.ask('GET', `${this.#path}/members?limit=100${more}`);
      yield* page.members;
      cursor = page.next;
    } while (cursor !== null);
  }

  /** Everything with which a user joins by LiveKit's clients: for apps without `@thalweg/client`. */
  async join(user: string, more: { role?: Role; create?: CallWish } = {}): Promise<JoinAnswer> {
    return this.ask('POST', `${this.#path}/join`, { user, ...more });
  }

  /** Gives a user capabilities in this call. */
  async grant(user: string, ...capabilities: LendableCapability[]): Promise<CallInfo> {
    return this.#call('POST', '/permissions', { user, grant: capabilities });
  }

  /** Takes them. */
  async revoke(user: string, ...capabilities: LendableCapability[]): Promise<CallInfo> {
    return this.#call('POST', '/permissions', { user, revoke: capabilities });
  }

  /** Mutes users; everybody when none is named. */
  async mute(wish: MuteWish = {}): Promise<void> {
    await this.ask('POST', `${this.#path}/mute`, wish);
  }

  /** Sends a user out, who may join again. */
  async kick(user: string): Promise<void> {
    await this.ask('POST', `${this.#path}/kick`, { user });
  }

  /** Sends a user out and keeps it out. */
  async block(user: string): Promise<void> {
    await this.ask('POST', `${this.#path}/block`, { user });
  }

  /** Lets a user come back. */
  async unblock(user: string): Promise<void> {
    await this.ask('POST', `${this.#path}/unblock`, { user });
  }

  /** Writes in the chat. */
  async sendMessage(text: string, custom: Custom = {}): Promise<Message> {
    return (await this.ask<{ message: Message }>('POST', `${this.#path}/messages`, { text, custom })).message;
  }

  /** Sends an event of the app's own to all. */
  async send(custom: Custom): Promise<void> {
    await this.ask('POST', `${this.#path}/events`, { custom });
  }

  async #call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<CallInfo> {
    return (await this.ask<{ call: CallInfo }>(method, `${this.#path}${path}`, body)).call;
  }
}
