// @thalweg/client: one rings for the other, they see, hear and write to each other, and part. @thalweg/server does at the back end
// what it says it does, reads the webhooks of it, and the types of both have the fields of the OpenAPI document.
// deadline: 180, for machines that do much else
import { readFileSync } from 'node:fs';
import { check, reach, until } from '../lib/check.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { SdkSite, backEnd } from '../lib/sdk.mjs';
import { Server } from '../lib/server.mjs';

export default async function (stage) {
  await Promise.all([meet(stage), atTheBackEnd(stage), words(stage)]);
  await stage.empty();
}

async function meet(stage) {
  const site = await SdkSite.open(stage);
  const [ann, bob] = [await site.page('ann'), await site.page('bob')];
  await bob.run((sdk) => sdk.client.listen());
  await until('bob listens', () => bob.run((sdk) => sdk.client.state.value.status === 'online'));
  await ann.run((sdk) => sdk.take('default', 'standup').join({ create: { members: [{ user: 'bob' }], custom: { title: 'Stand-up' } } }));
  await ann.run((sdk) => sdk.call.ring());
  await until('it rings for bob', () => bob.run((sdk) => sdk.client.ringing.value[0]?.by === 'ann' && sdk.client.ringing.value[0].custom.title === 'Stand-up'));
  // As React does to an effect in development: in, out and in again.
  const called = await bob.run(async (sdk) => {
    const first = sdk.take('default', 'standup').join().then(() => 'in', (error) => error.code);
    void sdk.call.leave();
    await sdk.call.join();
    return first;
  });
  check(called === 'cancelled', `a join that was called off: ${called}`);
  await until('it rings no more', () => bob.run((sdk) => sdk.client.ringing.value.length === 0));
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
}

async function atTheBackEnd(stage) {
  const receiver = await Receiver.start(stage);
  const own = await Server.start({ log: `${process.env.THALWEG_LOG}.own`, flags: ['--webhook.urls', receiver.url] });
  stage.atEnd(() => own.stop());
  const server = await backEnd(stage, `http://127.0.0.1:${own.port}`);
  const [hana] = await server.upsertUsers({ id: 'hana', name: 'Hana' }, { id: 'vik', role: 'viewer' });
  check(hana.name === 'Hana' && (await server.user('vik')).role === 'viewer', 'users are not kept');
  const call = server.call('livestream', 'show');
  const made = await call.getOrCreate({ created_by: 'hana', members: [{ user: 'vik', role: 'viewer' }], settings: { chat: { slow_mode_s: 5 } } });
  check(made.state === 'backstage' && made.settings.chat.slow_mode_s === 5 && made.settings.chat.enabled, `made: ${JSON.stringify(made)}`);
  check((await call.update({ custom: { title: 'Friday' } })).custom.title === 'Friday', 'a change is lost');
  await call.putMembers([{ user: 'wim' }]);
  await call.removeMembers(['vik']);
  const members = [];
  for await (const { user } of call.members()) members.push(user);
  check(members.join() === 'hana,wim', `members: ${members}`);
  check((await call.goLive()).state === 'live', 'it is not live');
  check((await server.queryCalls({ state: 'live' })).calls[0]?.id === 'show', 'a live call is not found');
  check((await call.join('vik', { role: 'viewer' })).token.split('.').length === 3, 'no media token');
  check((await call.grant('vik', 'send-audio')).capabilities.length > 0, 'no grant');
  check((await call.sendMessage('hello')).text === 'hello', 'no message');
  await call.send({ own: 1 });
  await call.block('vik');
  const refused = await call.join('vik').then(() => 'in', (error) => error.code);
  check(refused === 'blocked', `a blocked user joins: ${refused}`);
  await call.unblock('vik');
  check((await call.stopLive()).state === 'backstage' && (await call.end()).state === 'ended', 'it does not end');
  // A token of this second and older ones are void, as clients find.
  const old = server.createToken('vik');
  const ask = () => fetch(`${server.url}/api/v1/calls/livestream/show`, { headers: { authorization: `Bearer ${old}` } });
  check((await ask()).status === 200, 'a token signed here is refused');
  await server.revokeUser('vik');
  check((await ask()).status === 401, 'a void token opens the call');
  const nowhere = await (await backEnd(stage, 'http://127.0.0.1:1')).call('a', 'b').get().catch((error) => error.code);
  check(nowhere === 'unreachable', `a server that is away: ${nowhere}`);
  await until('the webhooks are read', () => receiver.texts.length > 0 && ['call_created', 'call_live_started', 'call_ended'].every((name) =>
    receiver.texts.some(({ body, authorization }) => server.readWebhook(body, authorization).event === name)));
}

/** Each of our types has the fields of the document's schema, and no other. */
async function words(stage) {
  const types = readFileSync(new URL('../../../web/api/index.d.ts', import.meta.url), 'utf8');
  const { components: { schemas } } = await (await fetch(`${stage.http}/api/v1/openapi.json`)).json();
  const pairs = { CallInfo: 'CallView', User: 'UserView', Member: 'MemberView', Message: 'MessageView', JoinAnswer: 'JoinAnswer', CallWish: 'CallWish', CallChange: 'CallChange', CallQuery: 'Query', MuteWish: 'Mute', UserWish: 'UserWish', CallSettings: 'Settings', GuestAnswer: 'GuestAnswer', TokenAnswer: 'TokenAnswer', Ingress: 'IngressView', Push: 'Push' };
  for (const [ours, theirs] of Object.entries(pairs)) {
    const body = new RegExp(`interface ${ours} \\{([\\s\\S]+?)\\n\\}`).exec(types)[1];
    const fields = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name).sort();
    const wanted = Object.keys(schemas[theirs]?.properties ?? {}).sort();
    // What is asked in the query stands among parameters, not among schemas.
    if (schemas[theirs]) check(fields.join() === wanted.join(), `${ours}: ${fields} in place of ${wanted}`);
    else check(theirs === 'Query', `the document has no ${theirs}`);
  }
}
