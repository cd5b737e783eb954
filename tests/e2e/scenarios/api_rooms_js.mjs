// livekit-server-sdk (JSON) against a room with real participants: everything that its RoomServiceClient can do but moving.
import { Room, RoomEvent } from '@livekit/rtc-node';
import { DataPacket_Kind, RoomServiceClient } from 'livekit-server-sdk';
import { check, reach, until } from '../lib/check.mjs';

export default async function (stage) {
  const api = new RoomServiceClient(stage.http, 'devkey', 'secret');
  const made = await api.createRoom({ name: 'river', emptyTimeout: 60, departureTimeout: 5, maxParticipants: 3, metadata: 'first' });
  check(made.sid.startsWith('RM_') && made.emptyTimeout === 60 && made.maxParticipants === 3 && made.metadata === 'first', `createRoom: ${JSON.stringify(made)}`);
  check((await api.createRoom({ name: 'river' })).sid === made.sid, 'a second createRoom made another room');
  const [ada, bob] = [await join(stage, 'ada'), await join(stage, 'bob')];
  await until('both are listed', async () => (await api.listParticipants('river')).length === 2);
  check((await api.listRooms(['river', 'lake'])).map((each) => `${each.name} ${each.numParticipants}`).join() === 'river 2', 'listRooms counts wrongly');

  await api.updateRoomMetadata('river', 'second');
  await reach('the room tells its new metadata', async () => [bob.room.metadata === 'second', bob.room.metadata]);
  const info = await api.updateParticipant('river', 'ada', { metadata: 'm', name: 'Ada L.', attributes: { team: 'blue' }, permission: { canPublish: true, canSubscribe: true, canPublishData: false, canUpdateMetadata: true } });
  check(info.name === 'Ada L.' && info.permission.canUpdateMetadata && !info.permission.canPublishData, `updateParticipant: ${JSON.stringify(info)}`);
  const seen = bob.room.remoteParticipants.get('ada');
  await reach('bob is told of ada', async () => [seen.metadata === 'm' && seen.name === 'Ada L.' && seen.attributes.team === 'blue', [seen.metadata, seen.name, seen.attributes]]);
  check((await api.getParticipant('river', 'ada')).metadata === 'm', 'getParticipant does not say what was set');

  await api.sendData('river', new TextEncoder().encode('for all'), DataPacket_Kind.RELIABLE, { topic: 'news' });
  await api.sendData('river', new TextEncoder().encode('for bob'), DataPacket_Kind.RELIABLE, { destinationIdentities: ['bob'] });
  await reach('bob gets both', async () => [bob.data.join() === 'for all/news,for bob/', bob.data]);
  await reach('ada gets one', async () => [ada.data.join() === 'for all/news', ada.data]);

  await refused('a missing participant', 404, 'not_found', api.getParticipant('river', 'nobody'));
  await refused('a missing room', 404, 'not_found', api.deleteRoom('lake'));
  await refused('another key', 401, undefined, new RoomServiceClient(stage.http, 'devkey', 'wrong').listRooms());

  await api.deleteRoom('river');
  await reach('both are sent away', async () => [ada.ended && bob.ended, [ada.ended, bob.ended]]);
  check((await api.listRooms()).length === 0, 'a deleted room is listed');
  await stage.empty();
}

async function join(stage, name) {
  const guest = { room: new Room(), data: [], ended: false };
  guest.room.on(RoomEvent.DataReceived, (data, from, kind, topic) => guest.data.push(`${new TextDecoder().decode(data)}/${topic ?? ''}`));
  guest.room.on(RoomEvent.Disconnected, () => (guest.ended = true));
  await guest.room.connect(stage.url, await stage.token(name), { autoSubscribe: true, dynacast: false });
  return guest;
}

async function refused(what, status, code, request) {
  const error = await request.then(() => undefined, (error) => error);
  check(error?.status === status && error.code === code, `${what}: ${error?.status} ${error?.code} ${error?.message}`);
}
