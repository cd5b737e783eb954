// Ten thousand reliable messages arrive in order and complete while sender and receiver lose their WebSockets on the way.
import { check, reach } from '../lib/check.mjs';

const MESSAGES = 10_000;

export default async function (stage) {
  const [ada, bob] = [await stage.joined('ada'), await stage.joined('bob')];
  await ada.event('ParticipantConnected', 'bob');
  await bob.drive(count);
  await ada.drive(send, MESSAGES);
  const got = () => bob.drive(() => drive.counted);
  await reach('bob gets the first thousand', async () => [(await got()).length >= 1000, (await got()).length], 60_000);
  for (const guest of [ada, bob]) await guest.drive(() => drive.room.simulateScenario('signal-reconnect'));
  for (const guest of [ada, bob]) await guest.event('Reconnected', '', 30_000);
  await reach('bob gets five thousand', async () => [(await got()).length >= 5000, (await got()).length], 60_000);
  await bob.drive(() => drive.room.simulateScenario('signal-reconnect'));
  await reach(`bob gets ${MESSAGES}`, async () => {
    const numbers = await got();
    return [numbers.length >= MESSAGES, { came: numbers.length, sent: await ada.drive(() => drive.sentCount), firstMissing: numbers.findIndex((number, index) => number !== index) }];
  }, 60_000);
  const numbers = await got();
  const wrong = numbers.findIndex((number, index) => number !== index);
  check(wrong === -1, `message ${wrong} is number ${numbers[wrong]} (${numbers.length} came)`);
  const resumed = (await ada.events()).filter(([, name]) => name === 'Reconnected').length;
  check(resumed >= 1, 'the sender did not resume');
  check(!(await bob.events()).some(([, name]) => name === 'ParticipantDisconnected'), 'somebody seemed to leave');
}

function count() {
  drive.counted = [];
  drive.room.on('dataReceived', (payload) => drive.counted.push(Number(new TextDecoder().decode(payload).split(' ')[0])));
}

/** Goes on by itself: the scenario meanwhile breaks connections. */
function send(messages) {
  const me = drive.room.localParticipant;
  void (async () => {
    for (let index = 0; index < messages; index++) {
      drive.sentCount = index + 1;
      await me.publishData(new TextEncoder().encode(`${index} ${'x'.repeat(60)}`), { reliable: true });
      // Spread over some seconds, so that the breaks fall in between.
      if (index % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
}
