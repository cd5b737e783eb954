// A livestream: who comes ahead of time receives nothing until go live, others are refused at both doors, viewers can't
// publish, the curtain falls on them, an encoder's address is the host's alone.
import { dispose } from '@livekit/rtc-node';
import { Caller, Calls, token } from '../lib/calls.mjs';
import { check, until } from '../lib/check.mjs';

const SHOW = '/calls/livestream/show';

export default async function (stage) {
  const calls = new Calls(stage.http);
  const [hana, vik, wim] = [token({ sub: 'hana' }), token({ sub: 'vik', role: 'viewer' }), token({ sub: 'wim', role: 'viewer' })];
  const made = await calls.ask('POST', SHOW, calls.server, { created_by: 'hana' });
  check(made.status === 201 && made.body.call.state === 'backstage', `made: ${made.status} ${made.body.call?.state}`);
  const early = await calls.ask('POST', `${SHOW}/join`, vik);
  check(early.status === 403 && early.body.error.code === 'call_not_live', `a viewer joins backstage: ${early.status}`);

  const joined = await calls.post(`${SHOW}/join`, hana);
  check(/^rtmp:/.test(joined.call.ingress?.rtmp_url) && joined.call.ingress.stream_key, 'the host gets no RTMP address');
  const host = await Caller.join(stage.url, joined.token);
  await host.sing();

  // Ahead of time: inside, and without media.
  await calls.ask('PATCH', SHOW, hana, { starts_at_ms: Date.now() + 60_000, settings: { backstage: { join_ahead_s: 3600 } } });
  const ticket = await calls.post(`${SHOW}/join`, vik);
  check(!ticket.call.ingress, 'a viewer is told the stream key');
  const viewer = await Caller.join(stage.url, ticket.token);
  const events = await calls.listen(vik, 'livestream:show');
  await until('two are there', async () => (await calls.ask('GET', SHOW, hana)).body.call.participants === 2);
  check(viewer.tracks === 0, 'a viewer receives a track in backstage');
  // Refused at once (NOT_ALLOWED), which this client takes ten seconds to believe: what counts is that no track comes.
  void viewer.sing().catch(() => undefined);

  const lifted = Date.now();
  check(viewer.tracks === 0 && viewer.heard === 0, 'a viewer hears something in backstage');
  await calls.post(`${SHOW}/go-live`, hana);
  await until('the viewer hears the host', () => viewer.heard > lifted);
  console.error(`heard ${viewer.heard - lifted} ms after go live`);
  const second = await calls.post(`${SHOW}/join`, wim);

  // The curtain falls; without join ahead of time viewers go, and tokens made before open nothing.
  await calls.ask('PATCH', SHOW, hana, { settings: { backstage: { join_ahead_s: 0 } } });
  await calls.post(`${SHOW}/stop-live`, hana);
  await until('the viewer is sent out', () => viewer.gone);
  for (const old of [ticket, second]) {
    const door = await fetch(`${stage.http}/rtc/validate?access_token=${old.token}`);
    check(door.status === 403, `the door answers ${door.status} to a viewer in backstage`);
  }
  check(!host.gone, 'the host was sent out, too');
  await calls.post(`${SHOW}/end`, hana);
  await until('the host goes with the call', () => host.gone);
  for (const name of ['call_live_started', 'call_live_ended', 'call_ended']) {
    await until(`the viewer hears of ${name}`, () => events.saw(name));
  }
  events.close();
  await Promise.all([host.leave(), viewer.leave()]);
  check(host.tracks === 0, 'a viewer could publish');
  await stage.empty();
  await dispose();
}
