// @thalweg/client: two meet, see, hear and write to each other, and part.
import { check, reach, until } from '../lib/check.mjs';
import { SdkSite } from '../lib/sdk.mjs';

export default async function (stage) {
  const site = await SdkSite.open(stage);
  const [ann, bob] = [await site.page('ann'), await site.page('bob')];
  await ann.run((sdk) => sdk.take('default', 'standup').join({ create: { members: [{ user: 'bob' }], custom: { title: 'Stand-up' } } }));
  await bob.run((sdk) => sdk.take('default', 'standup').join());
  for (const [page, other] of [[ann, 'bob'], [bob, 'ann']]) {
    await page.run((sdk, other) => sdk.show(other), other);
    await until(`${page.user} sees ${other}`, () => page.run((sdk, other) => sdk.frames(other) > 5, other));
    const { people, count } = await page.look();
    check(people.length === 2 && people[0].isMe && people[1].name === `${other} of Riverton`, `people: ${JSON.stringify(people)}`);
    check(count === 2, `count: ${count}`);
  }
  const twice = await ann.run((sdk) => sdk.client.call('default', 'standup').join().then(() => 'in', (error) => error.code));
  check(twice === 'already_joined', `a second join: ${twice}`);

  await ann.run((sdk) => sdk.call.chat.send('good morning'));
  await ann.run((sdk) => sdk.call.react('👋'));
  await reach('bob reads the message and sees the reaction', async () => {
    const { messages, heard } = await bob.look();
    return [messages.includes('ann: good morning') && heard.includes('call_reaction'), { messages, heard }];
  });
  await ann.run((sdk) => sdk.call.camera.toggle());
  await until('bob sees that ann\'s camera is off', async () => (await bob.look()).people[1]?.camera === false);
  await ann.run((sdk) => sdk.call.camera.toggle());
  await until('and on', async () => (await bob.look()).people[1]?.camera === true);
  await ann.run((sdk) => sdk.call.mute({ users: ['bob'] }));
  await until('bob is muted', async () => (await bob.look()).microphone.status === 'off');
  await bob.run((sdk) => sdk.call.microphone.enable());
  await until('ann sees that bob speaks again', async () => (await ann.look()).people[1]?.microphone === true);
  await bob.run((sdk) => sdk.call.screen.enable());
  await until('ann sees bob\'s screen', async () => (await ann.look()).people[1]?.screen === true);
  await bob.run((sdk) => sdk.call.screen.disable());
  await until('and no more', async () => (await ann.look()).people[1]?.screen === false);

  await bob.run((sdk) => sdk.call.leave());
  await until('ann is alone', async () => (await ann.look()).people.length === 1);
  await bob.run((sdk) => sdk.call.join({ camera: false }));
  await until('bob is back without a picture', async () => (await ann.look()).people[1]?.camera === false);
  await ann.run((sdk) => sdk.call.end());
  await reach('both are out', async () => {
    const seen = [await ann.look(), await bob.look()].map(({ state, why, phase }) => `${state} ${why} ${phase}`);
    return [seen.every((each) => each === 'left ended ended'), seen];
  });
  await ann.run((sdk) => sdk.client.close());
  await bob.run((sdk) => sdk.client.close());
  await stage.empty();
}
