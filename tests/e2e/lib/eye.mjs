// An account of what a viewer sees, frame by frame, as it is painted.
import { reach } from './check.mjs';

/** A pause between two frames is a freeze from here on, as webrtc-stats has it, in milliseconds above the usual. */
const FREEZE_MS = 150;

export class Eye {
  /** Begins to look at somebody's camera, now or as soon as it is there. */
  static async on(viewer, identity) {
    await viewer.drive((identity) => {
      drive.painted = [];
      const look = () => {
        const video = drive.remote(identity, 'Camera')?.track?.attachedElements[0];
        if (!video) return void setTimeout(look, 20);
        const note = (now, { width, height }) => {
          drive.painted.push([now, Math.min(width, height)]);
          video.requestVideoFrameCallback(note);
        };
        video.requestVideoFrameCallback(note);
      };
      look();
    }, identity);
    return new Eye(viewer, identity);
  }

  constructor(viewer, identity) {
    Object.assign(this, { viewer, identity });
  }

  now() {
    return this.viewer.drive(() => performance.now());
  }

  /** Waits until the picture has the height; how long it took, in milliseconds. */
  async reaches(height, ms) {
    const began = await this.now();
    await reach(`${this.viewer.identity} sees ${height} lines`, async () => {
      const last = (await this.frames(began)).at(-1);
      return [last?.[1] === height, last];
    }, ms);
    return (await this.frames(began)).find(([, seen]) => seen === height)[0] - began;
  }

  frames(from = 0) {
    return this.viewer.drive((from) => drive.painted.filter(([at]) => at >= from), from);
  }

  /** How the picture's height went, as `moment:height@frames in a second`, a word for each second. */
  async course() {
    const seconds = [];
    for (const [at, height] of await this.frames()) (seconds[Math.floor(at / 1000)] ??= []).push(height);
    return Array.from(seconds, (all, second) => all && `${second}:${all.at(-1)}@${all.length}`).filter(Boolean).join(' ');
  }

  /** What was seen from a moment on, until now or another: frames in a second, the longest pause, the part of the time frozen, heights. */
  async account(from, to) {
    const end = to ?? (await this.now());
    const frames = (await this.frames(from)).filter(([at]) => at <= end);
    const moments = [from, ...frames.map(([at]) => at), end];
    const pauses = moments.slice(1).map((at, index) => at - moments[index]);
    const usual = (end - from) / Math.max(1, frames.length);
    const frozen = pauses.filter((pause) => pause > Math.max(3 * Math.min(usual, 100), Math.min(usual, 100) + FREEZE_MS));
    const heights = {};
    for (const [, height] of frames) heights[height] = (heights[height] ?? 0) + 1;
    const sum = (all) => all.reduce((total, each) => total + each, 0);
    return {
      fps: Math.round((10_000 * frames.length) / (end - from)) / 10,
      longest: Math.round(Math.max(...pauses)),
      frozen: Math.round((1000 * sum(frozen)) / (end - from)) / 10,
      heights,
    };
  }
}
