// One Chromium page in a room, as a scenario speaks of it.
import { check, reach, until } from './check.mjs';

export class Guest {
  constructor(stage, identity, page, url = stage.url) {
    this.stage = stage;
    this.url = url;
    this.identity = identity;
    this.page = page;
  }

  /** Joins; `room` and `grant` shape the token, the rest are livekit-client's RoomOptions. */
  async join({ room, grant, token, ...options } = {}) {
    const jwt = token ?? (await this.stage.token(this.identity, { room, grant }));
    return this.drive(([url, jwt, options]) => drive.join(url, jwt, options), [this.url, jwt, options]);
  }

  /** Runs a function in the page. */
  drive(act, argument) {
    return this.page.evaluate(act, argument);
  }

  async leave() {
    await this.drive(() => drive.room.disconnect());
  }

  camera(options, capture) {
    return this.drive(([options, capture]) => drive.camera(options, capture), [options, capture]);
  }

  microphone() {
    return this.drive(() => drive.microphone());
  }

  received(from, source) {
    return this.drive(([from, source]) => drive.received(from, source), [from.identity ?? from, source]);
  }

  sent(source) {
    return this.drive((source) => drive.sent(source), source);
  }

  state() {
    return this.drive(() => drive.room.state);
  }

  /** Waits for an event of the room, by name and a part of its detail. */
  async event(name, detail = '', ms) {
    return until(`${this.identity} sees ${name} ${detail}`, () => this.drive(([name, detail]) => drive.events.some(([, each, text]) => each === name && text.includes(detail)), [name, detail]), ms);
  }

  events() {
    return this.drive(() => drive.events);
  }

  /** Waits until `frames` more frames of a picture were decoded, at the given size when one is given. */
  async sees(from, { source = 'Camera', width, frames = 20, ms } = {}) {
    const first = (await this.received(from, source))?.framesDecoded ?? 0;
    const name = from.identity ?? from;
    return reach(`${this.identity} decodes ${frames} frames of ${name}'s ${source}${width ? ` at width ${width}` : ''}`, async () => {
      const seen = await this.received(from, source);
      const start = Math.min(first, seen?.framesDecoded ?? 0);
      return [seen && seen.framesDecoded >= start + frames && (!width || seen.frameWidth === width), seen];
    }, ms);
  }

  /** Waits until sound with energy has come, and gives its numbers. */
  async hears(from, ms) {
    const first = (await this.received(from, 'Microphone'))?.totalAudioEnergy ?? 0;
    return reach(`${this.identity} hears ${from.identity ?? from}`, async () => {
      const heard = await this.received(from, 'Microphone');
      return [heard && heard.totalAudioEnergy > first + 0.0005 && heard.totalSamplesDuration > 1, heard];
    }, ms);
  }

  /** Media must be sealed with AES-GCM. */
  sealed(numbers) {
    check(/AES.*GCM/i.test(numbers.srtp), `${this.identity}: srtpCipher is "${numbers.srtp}", wanted AES-GCM`);
  }
}
