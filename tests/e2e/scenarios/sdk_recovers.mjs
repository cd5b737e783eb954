// @thalweg/client when things go wrong: tokens end in mid-call and the back end is away for one of them, the network is gone for
// five seconds, the server is killed and started again. Each is shown in words and recovered; with tokens nothing is to be seen.
// deadline: 180, for machines that do much else
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cable } from '../lib/cable.mjs';
import { check, reach, until } from '../lib/check.mjs';
import { SdkSite, backEnd } from '../lib/sdk.mjs';
import { Server } from '../lib/server.mjs';

/** How long a token is good for, in seconds: it is renewed when half of that is over. */
const LIFE = 5;

export default async function (stage) {
  const folder = mkdtempSync(join(tmpdir(), 'thalweg-'));
  stage.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const flags = ['--store.path', folder, '--calls.guests', '--calls.anonymous'];
  const log = `${process.env.THALWEG_LOG}.own`;
  let own = await Server.start({ log, flags });
  stage.atEnd(() => own.stop());
  const url = `http://127.0.0.1:${own.port}`;
  const server = await backEnd(stage, url);
  const way = await cable(stage, own);
  const site = await SdkSite.open(stage);

  const ann = await site.page('ann', { url: way.url, life: LIFE });
  const bob = await site.page('bob', { url, client: { impatient: true } });
  await way.lead(ann);
  await bob.run((sdk) => sdk.take('default', 'standup').join({ create: true }));
  await ann.run((sdk) => sdk.take('default', 'standup').join());
  await ann.run((sdk) => sdk.show('bob'));
  await bob.run((sdk) => sdk.show('ann'));
  const sees = async (page, other, what) => {
    const frames = () => page.run((sdk, other) => sdk.frames(other), other);
    const before = await frames();
    await until(`${page.user} sees ${other} ${what}`, async () => Math.abs((await frames()) - before) > 10).catch(async (error) => {
      for (const each of [ann, bob]) console.error(each.user, JSON.stringify(await each.run((sdk) => sdk.tell())), JSON.stringify(await each.look()));
      throw error;
    });
  };
  await sees(ann, 'bob', 'at first');
  await sees(bob, 'ann', 'at first');
  const strangers = await bob.run((sdk, url) => sdk.strangers(url, 'default', 'standup'), url);
  check(strangers.join() === 'viewer joined Gus,viewer joined', `guests and those without a token: ${strangers}`);

  await tokensEnd(site, server, ann);
  await sees(ann, 'bob', 'with new tokens');

  const shown = await networkGone(ann, way);
  await sees(ann, 'bob', 'after the loss');
  await sees(bob, 'ann', 'after the loss');

  own.child.kill('SIGKILL');
  await own.ended;
  await reach('both are told', async () => {
    const seen = await Promise.all([ann, bob].map(async (page) => (await page.look()).fault));
    return [seen.every((fault) => fault === 'The connection broke'), seen];
  });
  own = await Server.start({ log, port: own.port, udp: own.udp, flags });
  // Ann comes back by LiveKit's client, and Bob, whose client gives up at once, by ours: his devices run on.
  for (const page of [ann, bob]) await until(`${page.user} is back`, async () => (await page.look()).state === 'joined', 40_000);
  await sees(ann, 'bob', 'after the restart');
  await sees(bob, 'ann', 'after the restart');
  await until('events come again', async () => {
    await server.call('default', 'standup').send({ here: true });
    return (await ann.look()).heard.at(-1) === 'call_custom';
  });
  for (const page of [ann, bob]) await page.run((sdk) => sdk.client.close());
  return `a loss was shown after ${shown} ms`;
}

async function tokensEnd(site, server, ann) {
  const call = server.call('default', 'standup');
  const from = (await ann.look()).states.length;
  const [sent, said] = [[], []];
  const talk = async (what, met) => {
    await until(what, async () => {
      sent.push(`@server: ${await call.sendMessage(`message ${sent.length}`).then(({ text }) => text)}`);
      return met();
    }, 40_000);
  };
  const began = site.given.ann;
  await talk('a new token follows', () => site.given.ann > began);
  await reach('every message was told, and none twice', async () => {
    const { told } = await ann.look();
    const lost = sent.filter((text) => !told.includes(text));
    return [lost.length === 0 && told.length === sent.length, { lost, sent: sent.length, told: told.length }];
  });
  // The back end is away for longer than the token lives.
  site.away = true;
  await talk('the loss of the session is shown', async () => said.push((await ann.look()).session) && said.at(-1) === 'Your session could not be renewed');
  await talk('the connection for events is gone with its token', async () => (await ann.look()).client !== 'online');
  site.away = false;
  await talk('it is back with a new one', async () => (await ann.look()).client === 'online');
  await reach('every message is there', async () => {
    const { messages } = await ann.look();
    return [JSON.stringify(messages.slice(-sent.length)) === JSON.stringify(sent), messages.slice(-3)];
  });
  const { states } = await ann.look();
  check(states.length === from, `the state changed while tokens were renewed: ${JSON.stringify(states.slice(from))}`);
}

/** Nothing comes through for five seconds, and the browser says nothing of it. Answers after how long it was shown, in milliseconds. */
async function networkGone(ann, way) {
  way.cut();
  const cut = Date.now();
  await reach('the loss is shown', async () => {
    const { state, fault } = await ann.look();
    return [state === 'reconnecting' && fault === 'The connection broke', [state, fault]];
  });
  const shown = Date.now() - cut;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, 5000 - shown)));
  way.mend();
  await until('the connection is back', async () => (await ann.look()).state === 'joined');
  return shown;
}
