// The Node SDK, whose core is that of the native SDKs: its signal breaks off, it comes back to its session, and the picture goes on.
import { connect, createServer } from 'node:net';
import { LocalVideoTrack, Room, RoomEvent, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream, dispose } from '@livekit/rtc-node';
import { check, until } from '../lib/check.mjs';

const [WIDTH, HEIGHT] = [320, 180];

export default async function (stage) {
  const wire = await Wire.to(stage.port);
  stage.atEnd(() => wire.close());
  const [ada, bob] = [new Room(), new Room()];
  let frames = 0;
  bob.on(RoomEvent.TrackSubscribed, async (track) => {
    for await (const _ of new VideoStream(track)) frames += 1;
  });
  const heard = [];
  for (const [name, room] of [['ada', ada], ['bob', bob]]) {
    for (const event of [RoomEvent.Reconnecting, RoomEvent.Reconnected, RoomEvent.Disconnected, RoomEvent.ParticipantDisconnected]) {
      room.on(event, () => heard.push(`${name} ${event}`));
    }
    await room.connect(`ws://127.0.0.1:${wire.port}`, await stage.token(name), { autoSubscribe: true, dynacast: false });
  }
  const timer = await publish(ada);
  await until('bob sees ada', () => frames >= 15);
  const before = (await stage.people()).map((each) => each.sid);
  wire.cut();
  for (const name of ['ada', 'bob']) {
    await until(`${name} is back`, () => heard.includes(`${name} ${RoomEvent.Reconnected}`), 30_000);
  }
  const seen = frames;
  await until('the picture goes on', () => frames >= seen + 15);
  check((await stage.people()).map((each) => each.sid).join() === before.join(), 'they came back as others');
  check(!heard.some((each) => each.toLowerCase().includes('disconnected')), `they went: ${heard}`);
  clearInterval(timer);
  await Promise.all([ada.disconnect(), bob.disconnect()]);
  await stage.empty();
  await dispose();
}

async function publish(room) {
  const video = new VideoSource(WIDTH, HEIGHT);
  const picture = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
  const timer = setInterval(() => video.captureFrame(new VideoFrame(picture, WIDTH, HEIGHT, VideoBufferType.I420)), 66);
  const options = Object.assign(new TrackPublishOptions(), { source: TrackSource.SOURCE_CAMERA, simulcast: false });
  await room.localParticipant.publishTrack(LocalVideoTrack.createVideoTrack('picture', video), options);
  return timer;
}

/** Carries TCP to the server, and can break everything that is under way. */
class Wire {
  static async to(port) {
    const wire = new Wire();
    wire.sockets = new Set();
    wire.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        wire.sockets.add(one);
        one.pipe(other);
        one.on('error', () => {});
        one.on('close', () => {
          wire.sockets.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    wire.port = wire.server.address().port;
    return wire;
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.server.close();
  }
}
