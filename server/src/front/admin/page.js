// The operator's page. Everything that people named themselves goes in as text, never as markup.
const EVERY_MS = 2000;
/** From here on the verdicts speak of loss, too. */
const LOSS_BAD_PERMILLE = 30;
/** After so many seconds two reports have come. */
const FIRST_RATES_S = 12;
const at = (id) => document.getElementById(id);
const PLACE = 'thalweg-admin';

let token = takeToken();
let before;

at('entrance').addEventListener('submit', (event) => {
  event.preventDefault();
  token = at('token').value.trim();
  sessionStorage.setItem(PLACE, token);
  look();
});
at('leave').addEventListener('click', () => leave(''));
addEventListener('hashchange', look);
setInterval(look, EVERY_MS);
look();

/** The link of `thalweg admin` carries the token behind `#`, which no server is sent; from then on it stays in this tab. */
function takeToken() {
  const told = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (told) {
    sessionStorage.setItem(PLACE, told);
    history.replaceState(null, '', location.pathname);
  }
  return told ?? sessionStorage.getItem(PLACE) ?? '';
}

function leave(why) {
  token = '';
  sessionStorage.removeItem(PLACE);
  at('refusal').textContent = why;
  show(false);
}

function show(inside) {
  at('house').hidden = at('leave').hidden = !inside;
  at('entrance').hidden = inside;
}

async function look() {
  if (!token) return show(false);
  if (document.hidden) return;
  try {
    const node = await ask('rooms');
    show(true);
    tellNode(node);
    tellRooms(node.rooms);
    const room = decodeURIComponent(/^#room=(.+)$/.exec(location.hash)?.[1] ?? '');
    if (room) tellRoom(await ask(`rooms/${encodeURIComponent(room)}`));
    at('state').textContent = node.draining ? 'This server is stopping' : '';
  } catch (error) {
    if (error.status === 401 || error.status === 403) return leave(error.message);
    if (error.status === 404) return fill(at('room'), make('p', 'hint', 'This room has ended.'));
    at('state').textContent = `No answer: ${error.message}`;
  }
}

async function ask(path) {
  const answer = await fetch(`/admin/api/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error), { status: answer.status });
  return told;
}

function tellNode(node) {
  const now = { at: performance.now(), in: node.bytes_in, out: node.bytes_out };
  const bps = (way) => (before ? Math.max(0, (now[way] - before[way]) * 8000) / (now.at - before.at) : 0);
  fill(at('node'), ...facts({
    Rooms: node.rooms.length,
    People: node.participants,
    Tracks: `${node.up_tracks} in, ${node.down_tracks} out`,
    In: rate(bps('in')),
    Out: rate(bps('out')),
    Version: node.version,
  }));
  before = now;
}

function tellRooms(rooms) {
  const chosen = decodeURIComponent(location.hash.replace(/^#room=/, ''));
  at('empty').hidden = rooms.length > 0;
  fill(at('rooms'), ...rooms.map((room) => {
    const link = make('a');
    link.href = `#room=${encodeURIComponent(room.name)}`;
    if (room.name === chosen) link.setAttribute('aria-current', 'page');
    link.append(make('span', '', room.name), make('span', '', String(room.people)));
    const item = make('li');
    item.append(link);
    return item;
  }));
}

function tellRoom(room) {
  const title = make('div', 'title');
  title.append(
    make('h2', '', room.name),
    make('span', '', `${room.people.length} ${room.people.length === 1 ? 'person' : 'people'}`),
    make('span', '', `since ${new Date(room.since_ms).toLocaleString()}`),
    make('span', '', traffic(room.traffic)),
  );
  const worst = (who) => ({ bad: 0, fair: 1 }[who.verdicts[0]?.severity] ?? 2);
  const people = room.people.toSorted((one, other) => worst(one) - worst(other) || (one.identity < other.identity ? -1 : 1));
  fill(at('room'), title, ...people.map(person));
}

function person(who) {
  const card = make('article', who.verdicts[0]?.severity ?? '');
  const head = make('div', 'who');
  head.append(make('h3', '', who.name || who.identity));
  for (const told of [who.name && who.name !== who.identity && who.identity, who.kind !== 'standard' && who.kind, who.client, who.address]) {
    if (told) head.append(make('span', '', told));
  }
  const verdicts = make('ul', 'verdicts');
  verdicts.append(...(who.verdicts.length > 0
    ? who.verdicts.map((verdict) => make('li', verdict.severity, verdict.text))
    : [make('li', 'good', 'All is well.')]));
  const list = make('dl', 'facts');
  list.append(...facts({
    Path: who.leg ? { udp: 'UDP', tcp: 'TCP', turn: 'TURN' }[who.leg] : 'none',
    'Round trip': who.rtt_ms === null ? '–' : `${who.rtt_ms} ms`,
    'Sends us': way(who, who.up),
    'Gets from us': way(who, who.down),
    'Link carries': who.estimate_bps === null ? '–' : rate(who.estimate_bps),
    'Here for': span(who.here_s),
    Moved: traffic(who.traffic),
  }));
  const tables = make('div', 'tables');
  if (who.tracks.length > 0) tables.append(table('Publishes', ['Track', 'Codec', 'Rate', 'Encodings', 'Viewers'], who.tracks.map(track)));
  if (who.watches.length > 0) tables.append(table('Receives', ['From', 'Track', 'Rate', 'Layer'], who.watches.map(watch)));
  card.append(head, verdicts, list);
  if (tables.children.length > 0) card.append(tables);
  return card;
}

function track(it) {
  const size = it.is_video && it.width ? ` ${it.width}×${it.height}` : '';
  const encodings = it.encodings.map((each) => (it.is_video ? `${rate(each.bps)} at ${each.fps}/s` : rate(each.bps)));
  return [
    [`${it.source.replaceAll('_', ' ')}${size}${it.muted ? ' (muted)' : ''}`],
    [it.codec],
    [rate(it.bps)],
    [encodings.join(' · ') || '–'],
    [String(it.viewers)],
  ];
}

function watch(it) {
  const layer = !it.is_video ? '–'
    : it.off ? 'not wanted'
    : it.paused ? 'paused'
    : it.layer === null ? 'none yet'
    : it.layers < 2 ? 'the only one'
    : `${it.layer[0] + 1} of ${Math.max(it.layers, it.layer[0] + 1)}`;
  // What is lost before it reaches us is missing here as well.
  const holes = !it.off && it.up_loss_permille >= LOSS_BAD_PERMILLE;
  const whose = holes ? `${it.of}, who loses ${Math.round(it.up_loss_permille / 10)} %` : it.of;
  return [[whose, holes ? 'fair' : ''], [it.source.replaceAll('_', ' ')], [rate(it.bps)], [layer, it.paused ? 'bad' : it.limited ? 'fair' : '']];
}

function way(who, it) {
  // A rate is the difference of two reports.
  if (it.bps === 0 && who.here_s < FIRST_RATES_S) return 'not yet known';
  const loss = it.loss_permille === null ? '' : `, ${(it.loss_permille / 10).toFixed(1)} % lost`;
  return `${rate(it.bps)}${loss}`;
}

function traffic(legs) {
  const told = Object.entries(legs).filter(([, it]) => it.in + it.out > 0);
  const each = ([leg, it]) => `${bytes(it.in)} in, ${bytes(it.out)} out${leg === 'udp' ? '' : ` by ${leg.toUpperCase()}`}`;
  return told.map(each).join('; ') || 'nothing yet';
}

function rate(bps) {
  if (bps >= 1e6) return `${(bps / 1e6).toFixed(1)} Mb/s`;
  return bps >= 1000 ? `${Math.round(bps / 1000)} kb/s` : `${Math.round(bps)} b/s`;
}

function bytes(count) {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} GB`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.round(count / 1000)} kB`;
}

function span(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${seconds} s`;
}

function facts(all) {
  return Object.entries(all).map(([name, value]) => {
    const pair = make('div');
    pair.append(make('dt', '', name), make('dd', '', String(value)));
    return pair;
  });
}

function table(caption, head, rows) {
  const whole = make('table');
  whole.append(make('caption', '', caption));
  const cells = (kind, texts) => {
    const row = make('tr');
    row.append(...texts.map(([text, look]) => make(kind, look ?? '', text)));
    return row;
  };
  whole.append(cells('th', head.map((text) => [text])), ...rows.map((row) => cells('td', row)));
  return whole;
}

function make(kind, look = '', text = '') {
  const made = document.createElement(kind);
  if (look) made.className = look;
  if (text) made.textContent = text;
  return made;
}

function fill(place, ...children) {
  place.replaceChildren(...children);
}
