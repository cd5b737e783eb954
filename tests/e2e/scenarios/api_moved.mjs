// MoveParticipant: unmodified clients land in the other room with what they publish; those who stay see them go.
import { RoomServiceClient } from 'livekit-server-sdk';
import { check, reach, until } from '../lib/check.mjs';

export default async function (stage) {
  const api = new RoomServiceClient(stage.http, 'devkey', 'secret');
  for (const singlePeerConnection of [true, false]) {
    const [ada, bob] = [await stage.joined('ada', { singlePeerConnection }), await stage.joined('bob', { singlePeerConnection })];
    const cid = await stage.joined('cid', { room: 'lake', singlePeerConnection });
    await ada.camera();
    await bob.sees(ada);
    await api.moveParticipant('river', 'ada', 'lake');
    await bob.event('ParticipantDisconnected', 'ada');
    await cid.event('ParticipantConnected', 'ada');
    await cid.sees(ada);
    await until('ada knows where she is', () => ada.drive(() => drive.room.name === 'lake' && drive.room.state === 'connected' && drive.room.remoteParticipants.has('cid') && !drive.room.remoteParticipants.has('bob')));
    check((await api.listParticipants('river')).map((each) => each.identity).join() === 'bob', 'ada is still in the river');
    await cid.camera();
    await ada.sees(cid);
    await Promise.all([ada, bob, cid].map((guest) => guest.leave()));
    await reach('the rooms end', async () => [(await api.listRooms()).length === 0, await api.listRooms()]);
  }
  await stage.empty();
}
