// The chat beside a call.
import type { CallEvent, Custom, Message } from '@thalweg/api';
import { part, query, type Api } from './http.js';
import { Cell, type Observable } from './observable.js';

/** Messages that come with a page, and that are kept at most: beyond, the oldest go and can be asked for again. */
const PAGE = 50;
const KEPT_MAX = 1000;

/** What is written beside a call. */
export class Chat {
  readonly #messages = new Cell<readonly Message[]>([]);
  readonly #more = new Cell(false);

  constructor(
    private readonly api: Api,
    private readonly path: string,
  ) {}

  /** What was written, oldest first. It begins with the last 50 messages once the call is joined or `refresh` was called. */
  get messages(): Observable<readonly Message[]> {
    return this.#messages;
  }

  /** Whether there are older messages than those in `messages`. */
  get more(): Observable<boolean> {
    return this.#more;
  }

  /** Writes. */
  async send(text: string, custom: Custom = {}): Promise<Message> {
    const { message } = await this.api.ask<{ message: Message }>('POST', `${this.path}/messages`, { text, custom });
    this.#merge([message]);
    return message;
  }

  /** Takes a message out: one's own, or any with `block-users`. */
  async remove(id: number): Promise<void> {
    await this.api.ask('DELETE', `${this.path}/messages/${part(id)}`);
    this.#drop(id);
  }

  /** Reads the newest messages. */
  async refresh(): Promise<void> {
    const { messages, next } = await this.#page({});
    const [newest, oldest] = [messages[0]?.id ?? 0, messages.at(-1)?.id ?? 0];
    const known = this.#messages.value;
    const joins = known.some(({ id }) => id >= oldest && id <= newest);
    // What was taken out in the meantime must go, and a hole must not look like a whole; what came since the page was read stays.
    const kept = known.filter(({ id }) => id > newest || (joins && id < oldest));
    if (!joins || known.length === 0) this.#more.set(next !== null);
    this.#put(kept, messages, false);
  }

  /** Reads a page of older messages. */
  async older(): Promise<void> {
    const before = this.#messages.value[0]?.id;
    const { messages, next } = await this.#page(before === undefined ? {} : { before });
    this.#more.set(next !== null);
    this.#merge(messages, true);
  }

  /** @internal */
  hear(event: CallEvent): void {
    if (event.event === 'call_message') this.#merge([event.message]);
    if (event.event === 'call_message_deleted') this.#drop(event.message_id);
  }

  #page(given: { before?: number }): Promise<{ messages: Message[]; next: number | null }> {
    return this.api.ask('GET', `${this.path}/messages${query({ limit: PAGE, ...given })}`);
  }

  #merge(news: readonly Message[], all = false): void {
    const known = this.#messages.value;
    if (news.some(({ id }) => !known.some((message) => message.id === id))) this.#put(known, news, all);
  }

  /** The list of both; with `all` beyond what is kept otherwise. */
  #put(kept: readonly Message[], news: readonly Message[], all: boolean): void {
    const byId = new Map([...news, ...kept].map((message) => [message.id, message]));
    const sorted = [...byId.values()].sort((left, right) => left.id - right.id);
    if (!all && sorted.length > KEPT_MAX) this.#more.set(true);
    this.#messages.set(all ? sorted : sorted.slice(-KEPT_MAX));
  }

  #drop(id: number): void {
    const left = this.#messages.value.filter((message) => message.id !== id);
    if (left.length < this.#messages.value.length) this.#messages.set(left);
  }
}
