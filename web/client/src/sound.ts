// What the others say comes out of hidden elements, so that an app need not place any.
import { RoomEvent, Track, type RemoteTrack, type Room } from 'livekit-client';
import { Cell, type Observable } from './observable.js';

/** Plays the sound of a room. */
export class Sound {
  readonly #held = new Cell(false);
  readonly #playing = new Map<RemoteTrack, HTMLMediaElement>();

  constructor(private readonly room: Room) {
    room.on(RoomEvent.TrackSubscribed, (track) => track.kind === Track.Kind.Audio && this.#play(track));
    room.on(RoomEvent.TrackUnsubscribed, (track) => this.#stop(track));
    room.on(RoomEvent.AudioPlaybackStatusChanged, () => this.#held.set(!room.canPlaybackAudio));
    room.on(RoomEvent.Disconnected, () => this.stop());
  }

  /** Whether the browser holds the sound back until the person presses something that calls `start`. */
  get held(): Observable<boolean> {
    return this.#held;
  }

  /** Lets the sound begin; call it from a click. */
  async start(): Promise<void> {
    await this.room.startAudio();
    this.#held.set(!this.room.canPlaybackAudio);
  }

  stop(): void {
    for (const track of [...this.#playing.keys()]) this.#stop(track);
    this.#held.set(false);
  }

  #play(track: RemoteTrack): void {
    const element = track.attach();
    element.hidden = true;
    document.body.append(element);
    this.#playing.set(track, element);
  }

  #stop(track: RemoteTrack): void {
    const element = this.#playing.get(track);
    if (!element) return;
    track.detach(element).remove();
    this.#playing.delete(track);
  }
}
