// The Calls API as an app's back end and its users' clients use it.
import { createHmac } from 'node:crypto';
import { AudioStream, Room, RoomEvent } from '@livekit/rtc-node';
import { brief, check } from './check.mjs';
import { KEY, SECRET } from './keys.mjs';
import { Voice } from './voice.mjs';

/** The mean level above which sound counts as a tone; `Voice` sings at 16 000. */
const LOUD = 1_000;

/** A user token or, without a name, a server token. */
export function token(claims, { ttl = 600 } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: KEY, iat: now, exp: now + ttl, ...claims })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

export class Calls {
  constructor(http) {
    this.http = `${http}/api/v1`;
    this.server = token({ server: true });
  }

  /** Asks, and gives status and body. */
  async ask(method, path, bearer, body) {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.http}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  /** Asks for something that must be done. */
  async post(path, bearer, body) {
    const answer = await this.ask('POST', path, bearer, body);
    check(answer.status < 300, `POST ${path}: ${answer.status} ${brief(answer.body)}`);
    return answer.body;
  }

  /** Listens to events; `events` grows, `ended` settles when the server ends the stream. */
  async listen(bearer, calls = '') {
    const stop = new AbortController();
    const headers = { authorization: `Bearer ${bearer}` };
    const answer = await fetch(`${this.http}/events?calls=${calls}`, { headers, signal: stop.signal });
    check(answer.ok, `GET /events: ${answer.status}`);
    const events = [];
    const ended = collect(answer.body, events);
    return { events, ended, close: () => stop.abort(), saw: (name) => events.some(({ event }) => event === name) };
  }
}

async function collect(body, events) {
  let pending = '';
  try {
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const parts = (pending + piece).split('\n\n');
      pending = parts.pop();
      for (const part of parts) if (part.startsWith('data: ')) events.push(JSON.parse(part.slice(6)));
    }
  } catch {
    // Closed by us.
  }
}

/** A participant that sings and listens: `tracks` that it was given, and when it last heard a tone. */
export class Caller extends Voice {
  tracks = 0;
  heard = 0;
  gone = undefined;

  static async join(url, media) {
    const caller = new Caller();
    caller.room = new Room();
    caller.room.on(RoomEvent.TrackSubscribed, (track) => {
      caller.tracks += 1;
      void caller.#listen(track);
    });
    caller.room.on(RoomEvent.Disconnected, (reason) => (caller.gone = { at: Date.now(), reason }));
    await caller.room.connect(url, media, { autoSubscribe: true, dynacast: false });
    return caller;
  }

  async #listen(track) {
    for await (const frame of new AudioStream(track)) {
      const level = frame.data.reduce((sum, each) => sum + Math.abs(each), 0) / frame.data.length;
      if (level > LOUD) this.heard = Date.now();
    }
  }
}
