// livekit-client's own ConnectionCheck finds nothing wrong. What it asks of TURN it skips where none is configured.
import { check } from '../lib/check.mjs';

const CHECKS = ['checkWebsocket', 'checkWebRTC', 'checkTURN', 'checkReconnect', 'checkPublishAudio', 'checkPublishVideo'];

export default async function (stage) {
  const page = await stage.guest('checks');
  const tokens = await Promise.all(CHECKS.map((name) => stage.token(name)));
  const found = await page.drive(async ([url, names, tokens]) => {
    // Side by side, each as somebody else: one after another they take a quarter of a minute.
    const run = async (name, index) => {
      const { status, logs } = await new LivekitClient.ConnectionCheck(url, tokens[index])[name]();
      return [name, LivekitClient.CheckStatus[status], logs.map((each) => `${each.level}: ${each.message}`)];
    };
    return Promise.all(names.map(run));
  }, [stage.url, CHECKS, tokens]);
  for (const [name, status, logs] of found) {
    const wanted = name === 'checkTURN' ? 'SKIPPED' : 'SUCCESS';
    check(status === wanted, `${name}: ${status}, ${logs.join('; ')}`);
  }
  await stage.empty();
}
