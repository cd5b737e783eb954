// Where nothing but 443/tcp gets through, a browser and the Python SDK meet by TURN over TLS, whose certificate is of an
// authority of the test's own; the operators' page says that it is so.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '../lib/check.mjs';
import { NAME, firewalled, meet, metrics } from '../lib/firewalled.mjs';
import { certify, trusting } from '../lib/trust.mjs';

const RULES = [
  'ip rule add pref 2 ipproto tcp dport 443 lookup local',
  'ip rule add pref 3 ipproto tcp sport 443 lookup local',
  'ip rule add pref 4 to 10.77.0.0/24 blackhole',
];

export default await firewalled(fileURLToPath(import.meta.url), RULES, async (stage, start, folder) => {
  const { ca, cert, key } = certify(folder, NAME);
  process.env.LIVEKIT_LIB_PATH = trusting(ca, join(folder, 'livekit.so'));
  await start(['--turn.enabled', '--turn.udp_port', 'off', '--turn.tls_port', '443', '--turn.domain', NAME, '--turn.cert_file', cert, '--turn.key_file', key]);
  // The relayed address looks like another from the server's side, so that the browser may call it reflexive.
  await meet(stage, { way: /^(relay|prflx) tls$/, leg: 'turn', cause: 'relayed' });
  const told = await metrics(stage);
  check(told.thalweg_net_tcp_accepted_total === 0, 'media came by TCP: the namespace lets it through');
});
