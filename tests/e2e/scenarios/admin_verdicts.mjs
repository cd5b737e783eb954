// The operators' page tells why a call is bad, in words: a good call, an uplink that loses packets, a computer short of CPU, a
// network without UDP. Nobody else is blamed for it. With SHOTS=folder each is shown by itself, which takes longer, and
// photographed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AccessToken } from 'livekit-server-sdk';
import { check, reach } from '../lib/check.mjs';
import { KEY, SECRET } from '../lib/keys.mjs';
import { detour, lossy } from '../lib/lossy.mjs';

const SHOTS = process.env.SHOTS;
const WELL = 'All is well.';
const LOSS = /^Ada's uplink loses \d+ % of packets$/;
const CPU = /^Bob's computer is short of CPU: it sends \d+ of \d+ frames$/;
const TCP = 'UDP is blocked: Carol reaches us by TCP only';

export default async function (stage) {
  const bad = await lossy(stage);
  const [admin, ada, bob, carol] = await Promise.all([page(stage), stage.guest('Ada'), stage.guest('Bob'), stage.guest('Carol')]);
  await Promise.all([detour(ada, bad), carol.drive(withoutUdp)]);
  await Promise.all([ada.join(), bob.join(), SHOTS || carol.join()]);
  // Sound shows a loss at once, pictures are repeated; and too little comes of Carol's camera to be compared with.
  await Promise.all([ada.microphone(), bob.drive(paints), SHOTS ? ada.camera() : shows(carol)]);
  await reach('Bob has shown what his computer can do', async () => {
    const told = (await admin.people()).find((who) => who.identity === 'Bob')?.tracks[0]?.encodings[0];
    return [told?.fps_best >= 16, told];
  }, 40_000);
  if (SHOTS) return pictures(admin, bad, bob, carol);
  await admin.reads({ Ada: WELL, Bob: WELL, Carol: TCP });
  bad.lose(0.2);
  await bob.drive(() => void (window.burn = 150));
  await admin.reads({ Ada: LOSS, Bob: CPU, Carol: TCP });
  await refusals(stage);
}

/** One thing at a time. */
async function pictures(admin, bad, bob, carol) {
  await admin.reads({ Ada: WELL, Bob: WELL }, 'good');
  bad.lose(0.12);
  await admin.reads({ Ada: LOSS, Bob: WELL }, 'lossy');
  bad.lose(0);
  await admin.reads({ Ada: WELL, Bob: WELL });
  await bob.drive(() => void (window.burn = 150));
  await admin.reads({ Ada: WELL, Bob: CPU }, 'cpu');
  await bob.drive(() => void (window.burn = 0));
  await carol.join();
  await shows(carol);
  await admin.reads({ Ada: WELL, Bob: WELL, Carol: TCP }, 'blocked');
}

function shows(guest) {
  return guest.camera({}, { resolution: { width: 320, height: 180, frameRate: 10 } });
}

/** The operators' page, opened with the link's token, in the room. */
async function page(stage) {
  const tab = await stage.tab('admin', { context: { viewport: { width: 1280, height: 900 } } });
  const token = new AccessToken(KEY, SECRET, { ttl: '10m' });
  token.addGrant({ roomList: true, roomAdmin: true });
  const headers = { Authorization: `Bearer ${await token.toJwt()}` };
  await tab.goto(`${stage.http}/admin#token=${await token.toJwt()}`);
  // The token leaves the address bar at once.
  check(tab.url() === `${stage.http}/admin`, `the address is ${tab.url()}`);
  const verdicts = () => tab.evaluate(() => Object.fromEntries([...document.querySelectorAll('article')].map((card) => [
    card.querySelector('h3').textContent,
    [...card.querySelectorAll('.verdicts li')].map((line) => line.textContent),
  ])));
  const fits = (wanted, told) => typeof wanted === 'string' ? wanted === told : wanted.test(told);
  return {
    people: async () => (await (await fetch(`${stage.http}/admin/api/rooms/river`, { headers })).json()).people ?? [],
    /** Waits until each card says what is wanted and nothing else; `name` is its photograph's. */
    async reads(wanted, name) {
      if (!tab.url().includes('#room=')) await tab.locator('nav a').first().click({ timeout: 20_000 });
      await reach('the page tells what is bad', async () => {
        const told = await verdicts();
        return [Object.entries(wanted).every(([who, line]) => told[who]?.length === 1 && fits(line, told[who][0])), told];
      }, 40_000).catch(async (error) => {
        console.error(JSON.stringify(await this.people()));
        throw error;
      });
      if (!SHOTS || !name) return;
      mkdirSync(SHOTS, { recursive: true });
      await tab.screenshot({ path: join(SHOTS, `admin-${name}.png`), fullPage: true });
    },
  };
}

/** Publishes a canvas that is painted 30 times a second, unless the page is kept busy. */
async function paints() {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: 320, height: 240 });
  const paint = canvas.getContext('2d');
  let turn = 0;
  window.burn = 0;
  setInterval(() => {
    paint.fillStyle = `hsl(${(turn += 3) % 360} 60% 50%)`;
    paint.fillRect(0, 0, 320, 240);
    paint.fillStyle = 'white';
    paint.fillRect((turn * 2) % 320, 90, 40, 40);
    const until = performance.now() + window.burn;
    while (performance.now() < until);
  }, 1000 / 30);
  const track = canvas.captureStream(30).getVideoTracks()[0];
  const { Track } = LivekitClient;
  await drive.room.localParticipant.publishTrack(track, { source: Track.Source.Camera, simulcast: false, videoCodec: 'vp8' });
}

/** Of the server's addresses the page learns only those of TCP. */
function withoutUdp() {
  const leads = (line) => !/candidate:\S+ \d+ udp /i.test(line);
  const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return setRemoteDescription.call(this, { type, sdp: sdp.split('\r\n').filter(leads).join('\r\n') });
  };
  RTCPeerConnection.prototype.addIceCandidate = function (given) {
    return leads(given?.candidate ?? '') ? addIceCandidate.call(this, given) : Promise.resolve();
  };
}

/** Without the right token nothing is told. */
async function refusals(stage) {
  const ask = async (path, grant) => {
    const headers = {};
    if (grant) {
      const token = new AccessToken(KEY, SECRET, { identity: 'eve', ttl: '10m' });
      token.addGrant(grant);
      headers.Authorization = `Bearer ${await token.toJwt()}`;
    }
    return (await fetch(`${stage.http}/admin/api/${path}`, { headers })).status;
  };
  for (const [path, grant, wanted] of [
    ['rooms', undefined, 401],
    ['rooms', { roomJoin: true, room: 'river' }, 403],
    ['rooms/river', { roomList: true }, 403],
    ['rooms/river', { roomAdmin: true, room: 'lake' }, 403],
    ['rooms/river', { roomAdmin: true, room: 'river' }, 200],
    ['rooms/nowhere', { roomAdmin: true }, 404],
  ]) {
    const status = await ask(path, grant);
    check(status === wanted, `${path} with ${JSON.stringify(grant)} is answered with ${status}, wanted ${wanted}`);
  }
}
