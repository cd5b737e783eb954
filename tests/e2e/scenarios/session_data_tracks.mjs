// A data track's frames, short and of several packets, reach whoever subscribes, in a browser and in Python; and stop after.
import { check, reach } from '../lib/check.mjs';

const FRAMES = 50;

export default async function (stage) {
  const [ada, bob, cid] = [await stage.joined('ada'), await stage.joined('bob'), await stage.joined('cid', { singlePeerConnection: false })];
  for (const guest of [bob, cid]) {
    await guest.drive(() => {
      drive.frames = [];
      drive.tracks = [];
      drive.room.on('dataTrackPublished', (track) => void drive.tracks.push(track));
      drive.room.on('dataTrackUnpublished', () => void drive.tracks.pop());
    });
  }
  await ada.drive(async () => (drive.track = await drive.room.localParticipant.publishDataTrack({ name: 'pose' })));
  for (const guest of [bob, cid]) await reach(`${guest.identity} sees the track`, () => guest.drive(() => [drive.tracks[0]?.info.name === 'pose', drive.tracks.length]));
  await bob.drive(read);
  await cid.drive(read);
  await ada.drive(push, FRAMES);
  for (const guest of [bob, cid]) {
    // The channel may lose frames under load, but not most of them.
    await reach(`${guest.identity} gets frames of both sizes`, () => guest.drive((most) => [drive.frames.filter((len) => len === 10).length > most && drive.frames.filter((len) => len === 5000).length > most / 4, drive.frames.length], FRAMES / 2));
  }
  const duplicate = await ada.drive(() => drive.room.localParticipant.publishDataTrack({ name: 'pose' }).then(() => '', (error) => error.message));
  check(duplicate !== '', 'the same name was taken twice');
  await ada.drive(() => drive.track.unpublish());
  await reach('the track is gone', () => bob.drive(() => [drive.tracks.length === 0, drive.tracks.length]));
}

async function read() {
  const reader = drive.tracks[0].subscribe().getReader();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      drive.frames.push(value.payload.length);
    }
  })();
}

async function push(frames) {
  // Subscriptions are made meanwhile: frames before that are nobody's.
  for (let index = 0; index < frames; index++) {
    await drive.track.tryPush({ payload: new Uint8Array(index % 5 === 0 ? 5000 : 10) });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
