// Where no UDP gets through at all, a browser and the Python SDK meet over TCP (RFC 6544); the operators' page says that it is so.
import { fileURLToPath } from 'node:url';
import { check } from '../lib/check.mjs';
import { firewalled, meet, metrics } from '../lib/firewalled.mjs';

// For loopback, too: its rule has to give way.
const RULES = ['ip rule add pref 0 ipproto udp blackhole'];

export default await firewalled(fileURLToPath(import.meta.url), RULES, async (stage, start) => {
  await start([]);
  await meet(stage, { way: /^(host|prflx) tcp$/, leg: 'tcp', cause: 'udp_blocked' });
  const told = await metrics(stage);
  check(told.thalweg_net_bytes_in_total === 0, `${told.thalweg_net_bytes_in_total} bytes came by UDP: the namespace lets it through`);
  check(told.thalweg_net_tcp_dropped_total === 0, 'datagrams were dropped at a quick TCP reader');
});
