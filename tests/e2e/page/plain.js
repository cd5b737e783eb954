// WHIP and WHEP by hand: a bare RTCPeerConnection and `fetch`, no SDK. Everything hangs on `window.plain`.
'use strict';

const plain = {
  pc: undefined,
  session: undefined,
  etag: undefined,
  ears: undefined,

  /** Asks as RFC 9725 tells clients to; tells status, headers and text. */
  async ask(method, url, headers = {}, body) {
    const response = await fetch(url, { method, headers, body });
    const told = Object.fromEntries(['location', 'etag', 'accept-patch', 'content-type', 'www-authenticate'].map((name) => [name, response.headers.get(name)]));
    return { status: response.status, headers: told, text: await response.text() };
  },

  async call(url, bearer) {
    await this.pc.setLocalDescription();
    const headers = { 'content-type': 'application/sdp', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
    const answer = await this.ask('POST', url, headers, this.pc.localDescription.sdp);
    if (answer.status !== 201) return answer;
    this.session = new URL(answer.headers.location, url).href;
    this.etag = answer.headers.etag;
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer.text });
    return answer;
  },

  /** Publishes painted bars and a tone; three encodings when `simulcast`. */
  async publish(url, bearer, { hertz = 440, width = 640, height = 360, simulcast = false } = {}) {
    this.pc = new RTCPeerConnection();
    const stream = new MediaStream([this.bars(width, height), this.tone(hertz)]);
    const encodings = simulcast ? [{ rid: 'f' }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'q', scaleResolutionDownBy: 4 }] : [{}];
    for (const track of stream.getTracks()) {
      this.pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings: track.kind === 'video' ? encodings : [{}] });
    }
    return this.call(url, bearer);
  },

  /** Watches: one seat for sound, one for a picture. */
  async watch(url, bearer) {
    this.pc = new RTCPeerConnection();
    for (const kind of ['audio', 'video']) this.pc.addTransceiver(kind, { direction: 'recvonly' });
    this.pc.ontrack = ({ track, streams }) => {
      if (track.kind === 'audio') return void this.listen(track);
      const video = Object.assign(document.createElement('video'), { srcObject: streams[0] ?? new MediaStream([track]), muted: true, autoplay: true, playsInline: true });
      document.body.append(video);
    };
    return this.call(url, bearer);
  },

  /** Restarts ICE by PATCH; tells the answer's status. */
  async restart() {
    this.pc.restartIce();
    await this.pc.setLocalDescription();
    const own = this.pc.localDescription.sdp;
    const line = (text, name) => text.split('\r\n').find((each) => each.startsWith(`a=${name}:`));
    const fragment = ['m=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', line(own, 'ice-ufrag'), line(own, 'ice-pwd'), ''].join('\r\n');
    const answer = await this.ask('PATCH', this.session, { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' }, fragment);
    if (answer.status !== 200) return answer;
    this.etag = answer.headers.etag;
    const before = this.pc.remoteDescription.sdp;
    const [ufrag, pwd] = [line(answer.text, 'ice-ufrag'), line(answer.text, 'ice-pwd')];
    const after = before.replace(/a=ice-ufrag:.*/g, ufrag).replace(/a=ice-pwd:.*/g, pwd);
    await this.pc.setRemoteDescription({ type: 'answer', sdp: after });
    return { ...answer, changed: before !== after };
  },

  async patch(ifMatch) {
    const headers = { 'content-type': 'application/trickle-ice-sdpfrag', ...(ifMatch ? { 'if-match': ifMatch } : {}) };
    return (await this.ask('PATCH', this.session, headers, 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n')).status;
  },

  async end() {
    const answer = await this.ask('DELETE', this.session);
    this.pc.close();
    return answer.status;
  },

  bars(width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const paint = canvas.getContext('2d');
    const foot = height - Math.floor(height / 8);
    let turn = 0;
    setInterval(() => {
      COLOURS.forEach((colour, index) => {
        paint.fillStyle = colour;
        paint.fillRect((index * width) / 8, 0, width / 8 + 1, height);
      });
      for (let bit = 0; bit < 16; bit++) {
        paint.fillStyle = (turn >> bit) & 1 ? '#fff' : '#000';
        paint.fillRect((bit * width) / 16, foot, width / 16 + 1, height - foot);
      }
      turn++;
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  },

  tone(hertz) {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: hertz });
    const out = new MediaStreamAudioDestinationNode(context);
    tone.connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  },

  listen(track) {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
    const stream = new MediaStream([track]);
    // Chromium lets sound flow only once an element plays it.
    Object.assign(new Audio(), { srcObject: stream, muted: true }).play();
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser);
    this.ears = { context, analyser };
  },

  /** What is seen and heard now. */
  async sense() {
    const video = document.querySelector('video');
    const flows = [...(await this.pc.getStats()).values()].filter((each) => each.type === 'inbound-rtp');
    const frames = flows.reduce((sum, each) => sum + (each.framesDecoded ?? 0), 0);
    if (!video?.videoWidth || !this.ears) return { frames };
    const canvas = Object.assign(document.createElement('canvas'), { width: video.videoWidth, height: video.videoHeight });
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    paint.drawImage(video, 0, 0);
    const colours = COLOURS.map((_, index) => [...paint.getImageData(Math.round(((index + 0.5) * canvas.width) / 8), Math.round(canvas.height / 3), 1, 1).data.slice(0, 3)]);
    const levels = new Float32Array(this.ears.analyser.frequencyBinCount);
    this.ears.analyser.getFloatFrequencyData(levels);
    const hertz = (levels.indexOf(Math.max(...levels)) * this.ears.context.sampleRate) / 16384;
    return { frames, width: canvas.width, colours, hertz };
  },
};

const COLOURS = ['#bfbfbf', '#bfbf00', '#00bfbf', '#00bf00', '#bf00bf', '#bf0000', '#0000bf', '#000000'];
window.plain = plain;
