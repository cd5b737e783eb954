// The screen.
import { Track, type LocalTrack } from 'livekit-client';
import { Device, type Surroundings } from './device.js';
import { devicesReachable } from './fault.js';

/** The screen. It is chosen in the browser's own dialog, each time, and cannot be previewed. */
export class Screen extends Device {
  constructor(around: Surroundings) {
    super('screen', around);
  }

  /** Whether this browser can share a screen at all; phones cannot. */
  get supported(): boolean {
    return devicesReachable() && typeof navigator.mediaDevices.getDisplayMedia === 'function';
  }

  protected override async open(): Promise<undefined> {
    throw new Error('join the call first');
  }

  protected override publish(): Promise<unknown> {
    return this.around.room.localParticipant.setScreenShareEnabled(true, { audio: true });
  }

  protected override async unpublish(): Promise<void> {
    const me = this.around.room.localParticipant;
    for (const source of [Track.Source.ScreenShare, Track.Source.ScreenShareAudio]) {
      const track = me.getTrackPublication(source)?.track;
      if (track) await me.unpublishTrack(track as LocalTrack, true);
    }
  }

  /** A screen is never shared again by itself. @internal */
  override async begin(): Promise<void> {
    this.allow();
  }
}
