// Two participants of the Node SDK: each publishes a picture and a tone and gets the other's.
import { AudioFrame, AudioSource, AudioStream, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, TrackKind, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream, dispose } from '@livekit/rtc-node';
import { check, reach } from '../lib/check.mjs';

const [WIDTH, HEIGHT, RATE] = [640, 360, 48_000];
/** The gap between two bytes' means that tells one shade from another in the decoded picture. */
const SHADE_TOLERANCE = 16;

export default async function (stage) {
  const [ada, bob] = [await join(stage, 'ada'), await join(stage, 'bob')];
  await publish(ada, 60, 440);
  await publish(bob, 180, 660);
  for (const [viewer, shade, hertz] of [[ada, 180, 660], [bob, 60, 440]]) {
    await reach(`${viewer.name} gets the picture`, async () => [viewer.frames >= 30 && viewer.size === `${WIDTH}x${HEIGHT}` && Math.abs(viewer.shade - shade) <= SHADE_TOLERANCE, [viewer.frames, viewer.size, viewer.shade]], 40_000);
    await reach(`${viewer.name} gets the tone`, async () => [Math.abs(viewer.hertz - hertz) <= 15, viewer.hertz], 40_000);
  }
  for (const guest of [ada, bob]) {
    clearInterval(guest.timer);
    guest.singing = false;
    await guest.room.disconnect();
    check(!guest.room.isConnected, `${guest.name} is still connected`);
  }
  await stage.empty();
  await dispose();
}

async function join(stage, name) {
  const guest = { name, room: new Room(), frames: 0, size: '', shade: 0, hertz: 0, singing: true };
  guest.room.on(RoomEvent.TrackSubscribed, (track) => void (track.kind === TrackKind.KIND_VIDEO ? look(guest, track) : listen(guest, track)));
  await guest.room.connect(stage.url, await stage.token(name), { autoSubscribe: true, dynacast: false });
  return guest;
}

async function publish(guest, shade, hertz) {
  const video = new VideoSource(WIDTH, HEIGHT);
  const picture = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
  picture.fill(shade, 0, WIDTH * HEIGHT);
  guest.timer = setInterval(() => video.captureFrame(new VideoFrame(picture, WIDTH, HEIGHT, VideoBufferType.I420)), 66);
  const me = guest.room.localParticipant;
  const options = (source) => Object.assign(new TrackPublishOptions(), { source, simulcast: false, dtx: false });
  await me.publishTrack(LocalVideoTrack.createVideoTrack('picture', video), options(TrackSource.SOURCE_CAMERA));
  const audio = new AudioSource(RATE, 1);
  await me.publishTrack(LocalAudioTrack.createAudioTrack('tone', audio), options(TrackSource.SOURCE_MICROPHONE));
  void sing(guest, audio, hertz);
}

async function sing(guest, audio, hertz) {
  for (let at = 0; guest.singing; at += 960) {
    const samples = Int16Array.from({ length: 960 }, (_, index) => 16_000 * Math.sin((2 * Math.PI * hertz * (at + index)) / RATE));
    await audio.captureFrame(new AudioFrame(samples, RATE, 1, 960));
  }
}

async function look(guest, track) {
  for await (const { frame } of new VideoStream(track)) {
    const picture = frame.convert(VideoBufferType.I420);
    guest.frames += 1;
    guest.size = `${frame.width}x${frame.height}`;
    const row = picture.data.subarray((HEIGHT / 2) * frame.width, (HEIGHT / 2 + 1) * frame.width);
    guest.shade = row.reduce((sum, each) => sum + each, 0) / row.length;
  }
}

/** Counts the rising passages through zero in a second of sound. */
async function listen(guest, track) {
  let [passages, samples, last] = [0, 0, 0];
  for await (const frame of new AudioStream(track, RATE, 1)) {
    for (const sample of frame.data) {
      if (last < 0 && sample >= 0) passages += 1;
      last = sample;
    }
    samples += frame.data.length;
    if (samples < RATE) continue;
    guest.hertz = (passages * RATE) / samples;
    [passages, samples] = [0, 0];
  }
}
