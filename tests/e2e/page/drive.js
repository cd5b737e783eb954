// Handles for the scenarios on a page with the unmodified livekit-client. Everything hangs on `window.drive`.
'use strict';
const { Room, RoomEvent, Track, ConnectionState, LocalVideoTrack, LocalAudioTrack, VideoQuality, DataPacket_Kind } = LivekitClient;

const drive = {
  room: undefined,
  /** `[milliseconds since load, event, detail]` in order of arrival. */
  events: [],
  data: [],
  ends: [],

  async join(url, token, { connect, ...options } = {}) {
    const room = new Room({ adaptiveStream: false, dynacast: false, ...options });
    this.room = room;
    const note = (name, detail = '') => this.events.push([Math.round(performance.now()), name, String(detail)]);
    for (const event of ['Reconnecting', 'SignalReconnecting', 'Reconnected', 'TrackPublished', 'TrackUnpublished', 'TrackMuted', 'TrackUnmuted', 'ParticipantConnected', 'ParticipantDisconnected']) {
      room.on(RoomEvent[event], (...given) => note(event, given.map((each) => each?.identity ?? each?.source ?? '').join(' ').trim()));
    }
    room.on(RoomEvent.Disconnected, (reason) => note('Disconnected', LivekitClient.DisconnectReason[reason] ?? reason));
    room.on(RoomEvent.TrackSubscribed, (track, publication, person) => {
      note('TrackSubscribed', `${person.identity} ${publication.source}`);
      const element = track.attach();
      if (track.kind === Track.Kind.Video) element.requestVideoFrameCallback(() => note('FirstFrame', `${person.identity} ${publication.source}`));
      document.body.append(element);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track, publication, person) => {
      note('TrackUnsubscribed', `${person.identity} ${publication.source}`);
      for (const element of track.detach()) element.remove();
    });
    room.on(RoomEvent.TrackSubscriptionFailed, (sid, person, error) => note('TrackSubscriptionFailed', `${person?.identity} ${sid} ${error}`));
    room.on(RoomEvent.DataReceived, (payload, person, kind, topic) => {
      this.data.push({ text: new TextDecoder().decode(payload), from: person?.identity ?? '', reliable: kind === DataPacket_Kind.RELIABLE, topic: topic ?? '' });
    });
    note('Joining');
    await room.connect(url, token, connect);
    note('Joined');
    return { state: room.state, identity: room.localParticipant.identity };
  },

  /** The camera that Chromium fakes. */
  async camera(options = {}, capture = { resolution: { width: 640, height: 360, frameRate: 20 } }) {
    return (await this.room.localParticipant.setCameraEnabled(true, capture, { simulcast: false, degradationPreference: 'maintain-resolution', ...options })).trackSid;
  },

  async microphone() {
    return (await this.room.localParticipant.setMicrophoneEnabled(true, { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, { dtx: false })).trackSid;
  },

  /** Publishes eight colour bars over the frame's number on a canvas, as `lib/pattern.py` paints them, as a camera or a screen. */
  async bars({ width = 640, height = 360, source = 'camera', options = {} } = {}) {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const paint = canvas.getContext('2d');
    const foot = height - Math.floor(height / 8);
    let turn = 0;
    const timer = setInterval(() => {
      BARS.forEach((colour, index) => {
        paint.fillStyle = colour;
        paint.fillRect((index * width) / 8, 0, width / 8 + 1, height);
      });
      for (let bit = 0; bit < 16; bit++) {
        paint.fillStyle = (turn >> bit) & 1 ? '#fff' : '#000';
        paint.fillRect((bit * width) / 16, foot, width / 16 + 1, height - foot);
      }
      turn++;
    }, 66);
    const [track] = canvas.captureStream(15).getVideoTracks();
    this.ends.push(() => clearInterval(timer));
    return (await this.room.localParticipant.publishTrack(track, { source: Track.Source[source === 'camera' ? 'Camera' : 'ScreenShare'], simulcast: false, degradationPreference: 'maintain-resolution', ...options })).trackSid;
  },

  /** Publishes a tone of `hertz` as the microphone. */
  async tone(hertz) {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: hertz });
    const out = new MediaStreamAudioDestinationNode(context);
    tone.connect(new GainNode(context, { gain: 0.5 })).connect(out);
    tone.start();
    return (await this.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: Track.Source.Microphone, dtx: false, red: false })).trackSid;
  },

  remote(identity, source) {
    return this.room.remoteParticipants.get(identity)?.getTrackPublication(Track.Source[source]);
  },

  /** The numbers of one remote track, or nothing while it is not there. */
  async received(identity, source) {
    const track = this.remote(identity, source)?.track;
    const report = await track?.getRTCStatsReport();
    if (!report) return undefined;
    const all = [...report.values()];
    const flow = all.find((each) => each.type === 'inbound-rtp');
    const path = all.find((each) => each.type === 'transport');
    const codec = all.find((each) => each.id === flow?.codecId);
    if (!flow) return undefined;
    const { framesDecoded = 0, frameWidth = 0, frameHeight = 0, freezeCount = 0, totalFreezesDuration = 0, packetsReceived = 0, packetsLost = 0, bytesReceived = 0, totalAudioEnergy = 0, audioLevel = 0, totalSamplesDuration = 0, concealedSamples = 0, totalSamplesReceived = 0, nackCount = 0, pliCount = 0, keyFramesDecoded = 0, framesDropped = 0, framesPerSecond = 0 } = flow;
    return {
      framesDecoded, frameWidth, frameHeight, freezeCount, totalFreezesDuration, packetsReceived, packetsLost, bytesReceived, totalAudioEnergy, audioLevel, totalSamplesDuration, concealedSamples, totalSamplesReceived, nackCount, pliCount, keyFramesDecoded, framesDropped, framesPerSecond,
      codec: codec?.mimeType ?? '', srtp: path?.srtpCipher ?? '', dtls: path?.dtlsState ?? '', tls: path?.tlsVersion ?? '',
    };
  },

  /** How the publisher's connection goes: `udp` or `tcp`. */
  async protocol() {
    return (await this.pathEnds()).remote?.protocol ?? '';
  },

  /** By what our own end of it goes: `host udp`, or `relay tls`. */
  async way() {
    const { local } = await this.pathEnds();
    return local ? `${local.candidateType} ${local.relayProtocol ?? local.protocol}` : '';
  },

  /** The two candidates in use. */
  async pathEnds() {
    const report = await this.room.engine.pcManager.publisher.getStats();
    const all = [...report.values()];
    const pair = all.find((each) => each.id === all.find((it) => it.type === 'transport')?.selectedCandidatePairId);
    const end = (id) => all.find((each) => each.id === id);
    return { local: end(pair?.localCandidateId), remote: end(pair?.remoteCandidateId) };
  },

  /** The numbers of one local track: one row for each encoding that is sent. */
  async sent(source) {
    const report = await this.room.localParticipant.getTrackPublication(Track.Source[source])?.track?.getRTCStatsReport();
    const rows = [...(report?.values() ?? [])].filter((each) => each.type === 'outbound-rtp');
    return rows.map(({ rid = '', frameWidth = 0, frameHeight = 0, framesEncoded = 0, active = true, scalabilityMode = '', bytesSent = 0, qualityLimitationReason = '', nackCount = 0, pliCount = 0 }) => ({ rid, frameWidth, frameHeight, framesEncoded, active, scalabilityMode, bytesSent, qualityLimitationReason, nackCount, pliCount }));
  },

  /** The colours in the middle of the eight bars of a received picture. */
  colours(identity, source = 'Camera') {
    const video = this.remote(identity, source)?.track?.attachedElements[0];
    if (!video?.videoWidth) return undefined;
    const { videoWidth: width, videoHeight: height } = video;
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    paint.drawImage(video, 0, 0);
    const colours = BARS.map((_, index) => [...paint.getImageData(Math.round(((index + 0.5) * width) / 8), Math.round(height / 3), 1, 1).data.slice(0, 3)]);
    return { width, height, colours };
  },

  /** The loudest frequency of a received sound in hertz, and its level in dB. */
  async hear(identity) {
    const track = this.remote(identity, 'Microphone')?.track;
    if (!track) return undefined;
    if (this.ear?.track !== track) {
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
      new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track.mediaStreamTrack]) }).connect(analyser);
      this.ear = { track, context, analyser };
    }
    const levels = new Float32Array(this.ear.analyser.frequencyBinCount);
    this.ear.analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    return { hertz: (loudest * this.ear.context.sampleRate) / 16384, level: levels[loudest] };
  },
};

/** White, yellow, cyan, green, magenta, red, blue, black at three quarters: the same in `lib/pattern.py`. */
const BARS = ['#bfbfbf', '#bfbf00', '#00bfbf', '#00bf00', '#bf00bf', '#bf0000', '#0000bf', '#000000'];
window.drive = drive;
