// Handles for the scenarios on a page with @thalweg/client. Everything hangs on `window.sdk`.
import { ThalwegClient } from '@thalweg/client';

window.sdk = {
  client: undefined,
  call: undefined,
  /** Every state of the call, in order, with the milliseconds since load. */
  states: [],
  heard: [],
  told: [],

  /** With `impatient` LiveKit's client gives up at once, so that what comes back is ours. */
  begin({ impatient, ...options }) {
    // Chromium's fake microphone beeps once a second, which a clean-up of the sound would take for noise.
    const room = { audioCaptureDefaults: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, publishDefaults: { dtx: false } };
    if (impatient) room.reconnectPolicy = { nextRetryDelayInMs: () => null };
    this.client = new ThalwegClient({ tokenProvider: () => window.backEnd(), room, ...options });
  },

  /** A guest and somebody without a token join and leave: their roles, states and names. */
  async strangers(url, type, id) {
    const clients = [await ThalwegClient.guest({ url, name: 'Gus', memory: false }), new ThalwegClient({ url, anonymous: true, memory: false })];
    const seen = [];
    for (const client of clients) {
      const call = client.call(type, id);
      await call.join();
      const name = call.room.localParticipant.name;
      seen.push(`${call.role.value} ${call.state.value.status}${name === 'Gus' ? ' Gus' : ''}`);
      await client.close();
    }
    return seen;
  },

  /** Takes a call into hand. */
  take(type, id) {
    const call = (this.call = this.client.call(type, id));
    call.state.subscribe((state) => this.states.push([Math.round(performance.now()), state.status, state.fault?.title ?? '', state.why ?? '']));
    call.on('any', (event) => this.heard.push(event.event));
    call.on('call_message', ({ message }) => this.told.push(`${message.user}: ${message.text}`));
    return call;
  },

  /** Shows somebody's picture; `first` is when its first frame was decoded, in milliseconds since 1970. */
  show(user, source) {
    const video = document.createElement('video');
    video.autoplay = true;
    document.body.append(video);
    const seen = { first: 0, video };
    video.requestVideoFrameCallback(() => (seen.first = Date.now()));
    this.call.show(video, user, source);
    (this.pictures ??= {})[user] = seen;
  },

  frames(user) {
    return this.pictures[user].video.getVideoPlaybackQuality().totalVideoFrames;
  },

  /** How much sound of somebody came out of the decoder so far. */
  async energy(user) {
    const { track } = this.call.people.value.find(({ id }) => id === user)?.participant.getTrackPublication('microphone') ?? {};
    const report = [...((await track?.getRTCStatsReport()) ?? [])].map(([, entry]) => entry);
    return report.find(({ type }) => type === 'inbound-rtp')?.totalAudioEnergy ?? 0;
  },

  /** What a failure's log wants to know of tracks and pictures. */
  tell() {
    const track = (each) => [each.trackSid, each.source, each.isSubscribed, each.isMuted, each.track?.attachedElements.length, each.track?.mediaStreamTrack?.readyState, each.track?.mediaStreamTrack?.muted, each.track?.streamState];
    const people = [this.call.room.localParticipant, ...this.call.room.remoteParticipants.values()];
    return {
      people: people.map((person) => [person.identity, [...person.trackPublications.values()].map(track)]),
      pictures: Object.entries(this.pictures ?? {}).map(([user, { video }]) => [user, video.paused, video.readyState, video.srcObject?.getTracks().map((each) => [each.readyState, each.muted])]),
    };
  },

  look() {
    const { call, client } = this;
    const device = ({ state: { value } }) => ({ status: value.status, title: value.fault?.title ?? '', allowed: value.allowed });
    return {
      state: call.state.value.status, why: call.state.value.why ?? '', fault: call.state.value.fault?.title ?? '',
      client: client.state.value.status, session: client.state.value.fault?.title ?? '', phase: call.phase.value, count: call.count.value,
      people: call.people.value.map(({ id, name, isMe, microphone, camera, screen, speaking }) => ({ id, name, isMe, microphone, camera: camera.on, screen: screen.on, speaking })),
      requests: call.requests.value, capabilities: [...call.capabilities.value], messages: call.chat.messages.value.map(({ user, text }) => `${user}: ${text}`),
      camera: device(call.camera), microphone: device(call.microphone), screen: device(call.screen), heard: this.heard, told: this.told, states: this.states,
    };
  },
};
