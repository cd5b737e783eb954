// One participant of the Node SDK with a tone to publish: enough to make a room live, and quick to start.
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';

const RATE = 48_000;

export class Voice {
  room = new Room();
  #singing = false;

  static async join(url, token) {
    const voice = new Voice();
    await voice.room.connect(url, token, { autoSubscribe: true, dynacast: false });
    return voice;
  }

  async sing() {
    const source = new AudioSource(RATE, 1);
    const track = LocalAudioTrack.createAudioTrack('tone', source);
    const options = Object.assign(new TrackPublishOptions(), { source: TrackSource.SOURCE_MICROPHONE, dtx: false });
    this.publication = await this.room.localParticipant.publishTrack(track, options);
    this.#singing = true;
    void this.#play(source);
  }

  async hush() {
    this.#singing = false;
    await this.room.localParticipant.unpublishTrack(this.publication.sid);
  }

  async leave() {
    this.#singing = false;
    await this.room.disconnect();
  }

  async #play(source) {
    for (let at = 0; this.#singing; at += 960) {
      const samples = Int16Array.from({ length: 960 }, (_, index) => 16_000 * Math.sin((2 * Math.PI * 440 * (at + index)) / RATE));
      await source.captureFrame(new AudioFrame(samples, RATE, 1, 960)).catch(() => undefined);
    }
  }
}
