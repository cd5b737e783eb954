// @thalweg/client on a stage: in an audio room a listener asks, is granted, speaks and is muted, and is cut; a livestream goes from
// backstage to live to its end before three viewers, who wait, see and write.
// deadline: 180, for machines that do much else
import { check, reach, until } from '../lib/check.mjs';
import { SdkSite, backEnd } from '../lib/sdk.mjs';

export default async function (stage) {
  const site = await SdkSite.open(stage);
  await audioRoom(site);
  const note = await livestream(site, await backEnd(stage));
  await stage.empty();
  return note;
}

async function audioRoom(site) {
  const [hana, lea] = [await site.page('hana'), await site.page('lea')];
  await hana.run((sdk) => sdk.take('audio_room', 'talk').join({ create: true, microphone: true }));
  await hana.run((sdk) => sdk.call.goLive());
  await lea.run((sdk) => sdk.take('audio_room', 'talk').join());
  await lea.run((sdk) => sdk.call.microphone.enable());
  const { microphone } = await lea.look();
  check(microphone.status === 'failed' && microphone.title === 'Microphone not allowed' && !microphone.allowed, `a listener's microphone: ${JSON.stringify(microphone)}`);

  await lea.run((sdk) => sdk.call.request('send-audio'));
  await until('the host sees who asks', async () => (await hana.look()).requests[0]?.user === 'lea');
  // Her hand goes down by herself and by the host, and she is told what stands.
  for (const lower of [() => lea.run((sdk) => sdk.call.withdraw('send-audio')), () => hana.run((sdk) => sdk.call.dismiss('lea'))]) {
    check((await lea.run((sdk) => sdk.call.asking.value)).includes('send-audio'), 'she does not know that she asked');
    await lower();
    for (const page of [hana, lea]) await until(`${page.user} knows that the hand is down`, async () => (await page.run((sdk) => sdk.call.requests.value)).length === 0);
    await lea.run((sdk) => sdk.call.request('send-audio'));
    await until('she asks anew', async () => (await hana.look()).requests[0]?.user === 'lea');
  }
  await hana.run((sdk) => sdk.call.grant('lea', 'send-audio'));
  await until('the listener may speak', async () => (await lea.look()).microphone.allowed);
  check((await hana.look()).requests.length === 0, 'the answered request stays');
  await lea.run((sdk) => sdk.call.microphone.enable());
  await until('the host hears the listener', () => hana.run((sdk) => sdk.energy('lea').then((energy) => energy > 0))).catch(async (error) => {
    for (const each of [hana, lea]) console.error(each.user, JSON.stringify(await each.run((sdk) => sdk.tell())), JSON.stringify(await each.look()));
    throw error;
  });
  await hana.run((sdk) => sdk.call.mute({ users: ['lea'] }));
  await until('the listener is muted', async () => (await lea.look()).microphone.status === 'off');
  await lea.run((sdk) => sdk.call.microphone.enable());
  await until('she unmutes herself', async () => (await hana.look()).people.some(({ id, microphone }) => id === 'lea' && microphone));
  await lea.run((sdk) => (window.source = sdk.call.microphone.state.value.track.mediaStreamTrack, true));
  await hana.run((sdk) => sdk.call.revoke('lea', 'send-audio'));
  await reach('she may speak no more, and her microphone has stopped', async () => {
    const { microphone } = await lea.look();
    const source = await lea.page.evaluate(() => window.source.readyState);
    return [!microphone.allowed && microphone.status === 'off' && microphone.title === 'Microphone not allowed' && source === 'ended', [microphone, source]];
  });
  await hana.run((sdk) => sdk.call.kick('lea'));
  await reach('she is told that she was removed', async () => {
    const { state, fault } = await lea.look();
    return [state === 'left' && fault === 'You were removed', [state, fault]];
  });
  await hana.run((sdk) => sdk.client.close());
  await lea.run((sdk) => sdk.client.close());
}

async function livestream(site, server) {
  await server.call('livestream', 'show').getOrCreate({ created_by: 'hana', custom: { title: 'Friday show' } });
  const host = await site.page('hana');
  await host.run((sdk) => sdk.take('livestream', 'show').join({ camera: true, microphone: true }));
  const viewers = await Promise.all(['vic', 'wim', 'xia'].map((name) => site.page(name, { role: 'viewer' })));
  for (const viewer of viewers) {
    // Not awaited: it ends when the curtain rises.
    await viewer.run((sdk) => {
      sdk.take('livestream', 'show').join({ wait: true }).catch(() => undefined);
      sdk.show('hana');
    });
    await reach('a viewer waits', async () => {
      const { state, fault } = await viewer.look();
      return [state === 'waiting' && fault === 'It has not begun yet', [state, fault]];
    });
  }
  const live = await host.run(async (sdk) => {
    const before = Date.now();
    await sdk.call.goLive();
    return before;
  });
  const waits = [];
  for (const viewer of viewers) {
    await until(`${viewer.user} sees the host`, () => viewer.run((sdk) => sdk.frames('hana') > 3));
    waits.push((await viewer.run((sdk) => sdk.pictures.hana.first)) - live);
    const { camera, microphone } = await viewer.look();
    check(!camera.allowed && !microphone.allowed, 'a viewer may publish');
  }
  await until('all are counted', async () => (await host.look()).count === 4);
  await viewers[0].run((sdk) => sdk.call.chat.send('hello'));
  for (const page of [host, viewers[2]]) await until(`${page.user} reads the chat`, async () => (await page.look()).messages.includes('vic: hello'));

  await host.run((sdk) => sdk.call.stopLive());
  for (const viewer of viewers) await until(`${viewer.user} waits again`, async () => (await viewer.look()).state === 'waiting');
  await host.run((sdk) => sdk.call.goLive());
  await until('a viewer is back by itself', async () => (await viewers[1].look()).state === 'joined');
  await host.run((sdk) => sdk.call.end());
  for (const page of [host, ...viewers]) {
    await reach(`${page.user} is told of the end`, async () => {
      const { state, fault } = await page.look();
      return [state === 'left' && fault === 'The call is over', [state, fault]];
    });
    await page.run((sdk) => sdk.client.close());
  }
  return `first frame ${waits.join(', ')} ms after going live`;
}
