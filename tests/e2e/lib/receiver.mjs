// A back end that gets webhooks, verified by LiveKit's own WebhookReceiver.
import { createServer } from 'node:http';
import { WebhookReceiver } from 'livekit-server-sdk';
import { until } from './check.mjs';

export class Receiver {
  /** `answer(event, tries)` gives the status for an event and how often it came before; 200 where it gives nothing. */
  static async start(stage, answer = () => 200) {
    const receiver = new Receiver(answer);
    await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    stage.atEnd(() => receiver.server.close());
    return receiver;
  }

  #verifier = new WebhookReceiver('devkey', 'secret');
  /** Events to which 200 was said, in the order of their coming. */
  taken = [];
  /** Everything that came, with what was answered. */
  seen = [];
  faults = [];
  /** What came, as it came. */
  texts = [];

  constructor(answer) {
    this.answer = answer;
    this.server = createServer((request, response) => void this.#serve(request, response));
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}/hook`;
  }

  /** The names of the events taken of a room. */
  names(room = 'river') {
    return this.taken.filter((event) => event.room.name === room).map((event) => event.event);
  }

  /** Waits until an event of that name was taken. */
  async event(name, ms = 20_000) {
    await until(`the receiver gets ${name}`, () => this.faults[0] ?? this.taken.some((event) => event.event === name), ms);
    if (this.faults.length > 0) throw new Error(`a webhook is at fault: ${this.faults[0]}`);
    return this.taken.find((event) => event.event === name);
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    this.texts.push({ body, authorization: request.headers.authorization });
    let status = 200;
    try {
      if (request.headers['content-type'] !== 'application/webhook+json') throw new Error(`content type ${request.headers['content-type']}`);
      const event = await this.#verifier.receive(body, request.headers.authorization);
      status = this.answer(event, this.seen.filter((each) => each.id === event.id).length) ?? 200;
      this.seen.push({ id: event.id, name: event.event, status });
      if (status === 200) this.taken.push({ ...event, raw: JSON.parse(body) });
    } catch (error) {
      this.faults.push(`${error.message} in ${body}`);
    }
    response.writeHead(status).end();
  }
}
