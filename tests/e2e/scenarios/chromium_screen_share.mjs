// A shared screen arrives beside the camera, as a screen, and goes away when it ends.
import { reach } from '../lib/check.mjs';

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.camera();
  await bob.sees(ada);
  // Chromium's own capture needs a display; a canvas published as a screen takes the same way through the server.
  const sid = await ada.drive(() => drive.bars({ source: 'screen', width: 800, height: 600 }));
  await bob.sees(ada, { source: 'ScreenShare', width: 800 });
  await bob.sees(ada, { source: 'Camera', width: 640 });
  await ada.drive((sid) => {
    const me = drive.room.localParticipant;
    const publication = [...me.trackPublications.values()].find((each) => each.trackSid === sid);
    return me.unpublishTrack(publication.track).then(() => true);
  }, sid);
  await bob.event('TrackUnsubscribed', 'ada screen_share');
  await reach('the screen is gone from the list', async () => {
    const left = await bob.drive(() => [...drive.room.remoteParticipants.get('ada').trackPublications.values()].map((each) => each.source));
    return [left.length === 1 && left[0] === 'camera', left];
  });
  await bob.sees(ada);
}
