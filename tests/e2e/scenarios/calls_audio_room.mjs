// An audio room: a listener can't speak, asks, is heard once granted, is cut once revoked though its client goes on; a
// revoked token ends its live session and its event stream.
import { dispose } from '@livekit/rtc-node';
import { Caller, Calls, token } from '../lib/calls.mjs';
import { check, until } from '../lib/check.mjs';

const ROOM = '/calls/audio_room/talk';
/** The floor is given and taken, and a session ended, within this time, in milliseconds. */
const FLOOR_MS = 1000;

export default async function (stage) {
  const calls = new Calls(stage.http);
  const [hana, lea] = [token({ sub: 'hana' }), token({ sub: 'lea' })];
  await calls.post(ROOM, hana);
  await calls.post(`${ROOM}/go-live`, hana);
  const joined = await calls.post(`${ROOM}/join`, lea);
  check(joined.url === stage.url, `join tells the URL ${joined.url}`);
  const [host, listener] = [
    await Caller.join(stage.url, (await calls.post(`${ROOM}/join`, hana)).token),
    await Caller.join(joined.url, joined.token),
  ];
  const [atHost, atLea] = [await calls.listen(hana), await calls.listen(lea, 'audio_room:talk')];
  await host.sing();
  await until('the listener hears the host', () => listener.heard > 0);

  await calls.post(`${ROOM}/permissions/request`, lea, { capabilities: ['send-audio'] });
  await until('the host hears of the request', () => atHost.saw('call_permission_requested'));
  const granted = Date.now();
  await calls.post(`${ROOM}/permissions`, hana, { user: 'lea', grant: ['send-audio'] });
  await until('the listener hears of the grant', () => atLea.saw('call_permissions_changed'));
  const begins = until('the host hears the listener', () => host.heard > granted && host.heard);
  await listener.sing();
  const heard = (await begins) - granted;
  check(heard <= FLOOR_MS, `heard ${heard} ms after the grant`);

  // Its client sings on.
  const revoked = Date.now();
  await calls.post(`${ROOM}/permissions`, hana, { user: 'lea', revoke: ['send-audio'] });
  let last = host.heard;
  await until('the host hears the listener no more', async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const still = host.heard === last;
    last = host.heard;
    return still;
  });
  const silent = last - revoked;
  check(silent <= FLOOR_MS, `heard until ${silent} ms after the revocation`);
  check(host.tracks === 1, `the host was given ${host.tracks} tracks in place of one`);

  const voided = Date.now();
  await calls.post('/users/lea/revoke', calls.server);
  await until('the session of the revoked user ends', () => listener.gone);
  const gone = listener.gone.at - voided;
  check(gone <= FLOOR_MS, `the session ended ${gone} ms after the revocation of the token`);
  await atLea.ended;
  const late = await calls.ask('POST', `${ROOM}/join`, lea);
  check(late.status === 401 && late.body.error.code === 'token_revoked', `a revoked token joins: ${late.status}`);
  const old = await Caller.join(stage.url, joined.token).then(() => 'in', () => 'out');
  check(old === 'out', 'the media token of a revoked user opens the room');

  await calls.post(`${ROOM}/end`, hana);
  await until('the end of the call ends its sessions', () => host.gone);
  atHost.close();
  await Promise.all([host.leave(), listener.leave()]);
  await stage.empty();
  await dispose();
  return `heard after ${heard} ms, silent after ${silent} ms, out after ${gone} ms`;
}
