// Without any SDK: a page publishes by WHIP with a stream key, Python sees and hears it, another page watches by WHEP from
// before there is anything to see, over a restart of ICE and a change of publisher.
import { IngressClient, IngressInput } from 'livekit-server-sdk';
import { check, reach } from '../lib/check.mjs';

const BARS = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];
/** How far a channel of a bar may be off, of 255: two colour matrices and lossy coding. */
const TOLERANCE = 48;

const right = (colours) => colours?.every((bar, index) => bar.every((part, channel) => Math.abs(part - BARS[index][channel]) <= TOLERANCE));

/** The page sees the bars at `width` and hears `hertz`. */
function senses(page, what, width, hertz) {
  return reach(what, async () => {
    const seen = await page.evaluate(() => plain.sense());
    return [right(seen.colours) && (!width || seen.width === width) && Math.abs(seen.hertz - hertz) <= 8, seen];
  }, 40_000);
}

export default async function (stage) {
  const ingresses = new IngressClient(stage.http, 'devkey', 'secret');
  const { url, streamKey, ingressId } = await ingresses.createIngress(IngressInput.WHIP_INPUT, { name: 'cam', roomName: 'river', participantIdentity: 'cam' });
  const status = async () => (await ingresses.listIngress({ ingressId }))[0].state.status;
  const token = await stage.token('tv');

  const viewer = await stage.plain('tv');
  const watched = await viewer.evaluate(([url, token]) => plain.watch(url, token), [`${stage.http}/whep/river`, token]);
  check(watched.status === 201, `WHEP answered ${watched.status} ${watched.text}`);
  check(watched.headers['accept-patch'] === 'application/trickle-ice-sdpfrag' && watched.headers.etag, `headers are not readable: ${JSON.stringify(watched.headers)}`);

  const camera = await stage.plain('cam');
  const wrong = await camera.evaluate(([url]) => plain.ask('POST', `${url}/guess`, { 'content-type': 'application/sdp' }, 'v=0\r\n'), [url]);
  check(wrong.status === 400, `an offer that cannot be read was answered ${wrong.status}`);
  const published = await camera.evaluate(([url, key]) => plain.publish(url, key, { hertz: 660 }), [url, streamKey]);
  check(published.status === 201, `WHIP answered ${published.status} ${published.text}`);
  await senses(viewer, 'the WHEP viewer sees and hears the publisher', 0, 660);
  const bot = stage.python('bot.py', ['snake', 520, 'cam', 660]);
  await reach('Python sees the bars and hears the tone', async () => {
    const failed = bot.lines.find((line) => line.error);
    check(!failed, failed?.error ?? '');
    return [bot.lines.some((line) => line.saw) && bot.lines.some((line) => line.heard), bot.lines];
  }, 60_000);
  await reach('the ingress publishes', async () => [(await status()) === 2, await status()]);

  const other = await stage.plain('other');
  const [guessed, taken, unread] = await other.evaluate(async ([url, key]) => [
    (await plain.publish(url, 'guess')).status,
    (await plain.publish(url, key)).status,
    (await plain.watch(url.replace('/whip', '/whep'), 'a.b.c')).status,
  ], [url, streamKey]);
  check(guessed === 401 && taken === 409 && unread === 401, `wrong key ${guessed}, key in use ${taken}, no token ${unread}`);

  const patched = await viewer.evaluate(async () => [await plain.patch(plain.etag), await plain.patch('"9"'), await plain.patch()]);
  check(JSON.stringify(patched) === '[204,412,428]', `PATCH answered ${patched}`);
  for (const page of [viewer, camera]) {
    const restarted = await page.evaluate(() => plain.restart());
    check(restarted.status === 200 && restarted.changed, `a restart of ICE was answered ${JSON.stringify(restarted)}`);
  }
  const before = (await viewer.evaluate(() => plain.sense())).frames;
  await reach('frames flow after the restarts', async () => {
    const { frames } = await viewer.evaluate(() => plain.sense());
    return [frames > before + 30, frames];
  });

  check((await camera.evaluate(() => plain.end())) === 200, 'the end of WHIP was not answered 200');
  await reach('the ingress is inactive', async () => [(await status()) === 0, await status()]);
  await senses(viewer, 'the WHEP viewer sees and hears who is left', 0, 520);
  const again = await other.evaluate(([url, key]) => plain.publish(url, key, { hertz: 880, simulcast: true }), [url, streamKey]);
  check(again.status === 201, `WHIP answered ${again.status} ${again.text}`);
  check(again.text.includes('a=simulcast:recv q;h;f'), 'simulcast is not taken from low to high');
  bot.child.stdin.end();
  await senses(viewer, 'the WHEP viewer goes on to the next publisher', 0, 880);
  check((await viewer.evaluate(() => plain.end())) === 200, 'the end of WHEP was not answered 200');
  check((await viewer.evaluate(async () => (await plain.ask('DELETE', plain.session)).status)) === 404, 'an ended session is still there');
  await other.evaluate(() => plain.pc.close());
  await stage.empty();
}
