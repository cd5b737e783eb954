// Whether anything comes from the server at all: a network that fails in silence is noticed here, long before LiveKit gives up on it.
import type { Room } from 'livekit-client';
import { Emitter } from './observable.js';

/** How often it is looked, in milliseconds. */
const LOOK_MS = 1000;
/** After so long without a packet the server is asked for a sign of life, in milliseconds. */
const SILENCE_MS = 1800;

/** Watches over a connection while one is in a call. */
export class Pulse {
  /** `lost` when nothing comes any more, and `back` when something comes again. */
  readonly events = new Emitter<{ lost: undefined; back: undefined }>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;
  #lost = false;
  #seen: number | undefined;
  #heardMs = 0;

  /** `received` counts what came so far, nothing while that is not known; `ask` asks the server by another way whether it is there. */
  constructor(
    private readonly received: () => Promise<number | undefined>,
    private readonly ask: () => Promise<boolean>,
  ) {}

  /** Begins, or begins anew. */
  start(): void {
    this.stop();
    this.#heardMs = Date.now();
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#seen = undefined;
    this.#lost = false;
  }

  /** Looks once. Media tells for free; only when it is silent, which it may be, the server is asked. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const received = await this.received().catch(() => undefined);
      const came = received === undefined || received !== this.#seen;
      this.#seen = received;
      if (came) return this.#hear();
      if (Date.now() - this.#heardMs < SILENCE_MS) return;
      if (await this.ask()) return this.#hear();
      // Something may have come while the server was asked.
      if ((await this.received().catch(() => undefined)) !== received) return this.#hear();
      if (this.#timer === undefined || this.#lost) return;
      this.#lost = true;
      this.events.emit('lost', undefined);
    } finally {
      this.#looking = false;
    }
  }

  #hear(): void {
    this.#heardMs = Date.now();
    if (!this.#lost || this.#timer === undefined) return;
    this.#lost = false;
    this.events.emit('back', undefined);
  }
}

/** What a room's connections have received: bytes of media, and answers to their own checks, which come also when nobody sends. */
export async function receivedBy(room: Room): Promise<number | undefined> {
  const ways = room.engine?.pcManager;
  const transports = ways ? [ways.publisher, ways.subscriber] : [];
  const reports = await Promise.all(transports.map((transport) => transport?.getStats()));
  let sum: number | undefined;
  for (const report of reports) {
    report?.forEach((stat: { type: string; bytesReceived?: number; responsesReceived?: number }) => {
      if (stat.type === 'candidate-pair') sum = (sum ?? 0) + (stat.bytesReceived ?? 0) + (stat.responsesReceived ?? 0);
    });
  }
  return sum;
}
