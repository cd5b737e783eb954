// Bad tokens are refused with words that livekit-client can show: 401, and not "unreachable".
import { check } from '../lib/check.mjs';

export default async function (stage) {
  const guest = await stage.guest('mallory');
  const cases = {
    'not a token': 'rubbish',
    'wrong secret': await stage.token('mallory', { secret: 'another-secret' }),
    'foreign key': await stage.token('mallory', { key: 'APIforeign', secret: 'secret' }),
    expired: await stage.token('mallory', { ttl: -3600 }),
    'no right to join': await stage.token('mallory', { grant: { roomJoin: false } }),
  };
  for (const [what, token] of Object.entries(cases)) {
    for (const singlePeerConnection of [true, false]) {
      const seen = await guest.drive(async ([url, token, options]) => {
        try {
          await drive.join(url, token, options);
          return { joined: true };
        } catch (error) {
          return { name: error.name, reason: LivekitClient.ConnectionErrorReason[error.reason], status: error.status, message: error.message };
        }
      }, [stage.url, token, { singlePeerConnection }]);
      check(seen.reason === 'NotAllowed' && seen.status === 401, `${what}, ${singlePeerConnection ? 'single' : 'dual'}: ${JSON.stringify(seen)}, wanted NotAllowed 401`);
    }
  }
  await guest.join();
  await guest.leave();
  await stage.empty();
}
