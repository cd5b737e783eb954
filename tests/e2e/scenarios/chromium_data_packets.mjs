// Data goes reliable and lossy, to all or to the named ones, with its topic, in both modes.
import { check, reach } from '../lib/check.mjs';

export default async function (stage) {
  const ada = await stage.joined('ada');
  const bob = await stage.joined('bob', { singlePeerConnection: false });
  const cid = await stage.joined('cid');
  const send = (who, text, options) => who.drive(([text, options]) => drive.room.localParticipant.publishData(new TextEncoder().encode(text), options), [text, options]);
  const got = (who) => who.drive(() => drive.data);
  await ada.event('ParticipantConnected', 'cid');
  for (let index = 0; index < 50; index++) await send(ada, `all ${index}`, { reliable: true, topic: 'count' });
  for (const who of [bob, cid]) {
    const seen = await reach(`${who.identity} gets fifty packets`, async () => [(await got(who)).length === 50, (await got(who)).length]).then(() => got(who));
    check(seen.every((each, index) => each.text === `all ${index}` && each.from === 'ada' && each.reliable && each.topic === 'count'), `${who.identity}: wrong order, sender, kind or topic: ${JSON.stringify(seen.slice(0, 3))}`);
  }
  await send(bob, 'only for cid', { reliable: true, destinationIdentities: ['cid'] });
  await reach('cid gets what is for cid', async () => [(await got(cid)).some((each) => each.text === 'only for cid' && each.from === 'bob'), (await got(cid)).slice(50)]);
  await send(cid, 'big '.repeat(3500), { reliable: true });
  await reach('ada gets 14 kB in one piece', async () => [(await got(ada)).some((each) => each.text.length === 14_000 && each.from === 'cid'), (await got(ada)).map((each) => each.text.length)]);
  // Lossy packets may be lost, so that it is asked again until one has come.
  await reach('ada gets a lossy packet', async () => {
    await send(bob, 'maybe', { reliable: false, topic: 'mood' });
    return [(await got(ada)).some((each) => each.text === 'maybe' && !each.reliable && each.topic === 'mood'), await got(ada)];
  });
  check(!(await got(ada)).some((each) => each.text === 'only for cid'), 'ada got what was for cid only');
  check(!(await got(ada)).some((each) => each.from === 'ada'), 'ada got her own packets back');
}
