// The page of a plain room, which a token of LiveKit's dialect opens: lobby, call, farewell, and the way between them.
import './style.css';
import { ConnectionState, Room, VideoPresets, type DisconnectReason, type LocalAudioTrack, type LocalVideoTrack, type RoomOptions } from 'livekit-client';
import { Call } from './call';
import type { Capture } from './capture';
import { brand, el, show } from './dom';
import { deviceFault, devicesReachable, endFault, joinFault } from './fault';
import { Lobby, type Entry } from './lobby';
import { notifyFault } from './notice';
import { invitation, readQuery } from './query';
import { themeButton } from './theme';
import { ticket, TicketRefused } from './ticket';

declare global {
  interface Window {
    /** The room of the running call, for tests and for the curious. */
    room: Room | undefined;
  }
}

const NAME_KEY = 'thalweg.name';
const query = readQuery(location.search);
const app = document.getElementById('app') as HTMLElement;
/** Where notices stand, read aloud as they come. */
document.body.append(el('div', { id: 'notices', role: 'status', 'aria-live': 'polite' }));

function options(): RoomOptions {
  return {
    singlePeerConnection: query.singlePeerConnection,
    adaptiveStream: query.adaptive,
    dynacast: query.adaptive,
    videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
    publishDefaults: { simulcast: query.simulcast, ...(query.codec ? { videoCodec: query.codec } : {}) },
  };
}

function openLobby(last?: Entry): Lobby {
  const lobby = new Lobby(
    {
      name: last?.name ?? (query.name || remembered()),
      room: last?.room ?? query.room,
      token: last?.token ?? query.token,
      url: last?.url ?? query.url,
    },
    (entry) => join(lobby, entry),
  );
  document.title = 'Thalweg';
  show(app, lobby.element);
  return lobby;
}

async function join(lobby: Lobby, entry: Entry): Promise<void> {
  const room = new Room(options());
  try {
    const { url, token } = await ticket(entry.room, entry.name, entry);
    await room.connect(url, token);
  } catch (error) {
    if (error instanceof TicketRefused) lobby.refuse({ title: 'No token.', advice: error.message }, error.needsToken);
    else {
      const fault = joinFault(error);
      lobby.refuse({ ...fault, title: `${fault.title}.` });
    }
    return;
  }
  remember(entry.name);
  enter(lobby, entry, room);
}

function enter(lobby: Lobby, entry: Entry, room: Room): void {
  window.room = room;
  const call = new Call(room, invitation(room.name || entry.room, entry.url), (reason) => {
    call.close();
    window.room = undefined;
    farewell(entry, reason);
  });
  const camera = entry.camera.take();
  const microphone = entry.microphone.take();
  lobby.close();
  document.title = `${room.name || entry.room} · Thalweg`;
  show(app, call.element);
  if (entry.speakerId) void room.switchActiveDevice('audiooutput', entry.speakerId).catch(() => undefined);
  void publish(room, entry.microphone, microphone);
  void publish(room, entry.camera, camera);
}

/** Publishes the track that already runs, or opens the device if it is wanted. A failure leaves the person in the call. */
async function publish(room: Room, capture: Capture<LocalAudioTrack> | Capture<LocalVideoTrack>, track: LocalAudioTrack | LocalVideoTrack | undefined): Promise<void> {
  const me = room.localParticipant;
  if (me.permissions?.canPublish === false) return void track?.stop();
  try {
    if (track) await me.publishTrack(track);
    else if (!capture.wanted) return;
    else if (!devicesReachable()) throw new Error('insecure page');
    else if (capture.kind === 'camera') await me.setCameraEnabled(true, chosen(capture.deviceId));
    else await me.setMicrophoneEnabled(true, chosen(capture.deviceId));
  } catch (error) {
    track?.stop();
    if (room.state === ConnectionState.Connected) notifyFault(deviceFault(capture.kind, error));
  }
}

function chosen(deviceId: string | undefined): { deviceId?: string } {
  return deviceId === undefined ? {} : { deviceId };
}

function farewell(entry: Entry, reason: DisconnectReason | undefined): void {
  const fault = endFault(reason);
  const again = el('button', { class: 'primary', type: 'button', onclick: () => void openLobby(entry).submit() }, 'Join again');
  document.title = 'Thalweg';
  show(
    app,
    el(
      'main',
      { class: 'farewell' },
      el('header', { class: 'top' }, brand(), themeButton()),
      el(
        'section',
        {},
        el('h1', {}, fault?.title ?? 'You left the room'),
        el('p', {}, fault?.advice ?? (entry.room ? `You can come back to ${entry.room} at any time.` : 'You can come back at any time.')),
        el('div', { class: 'row' }, again, el('button', { class: 'secondary', type: 'button', onclick: () => void openLobby(entry) }, 'Back to the start')),
      ),
    ),
  );
  again.focus();
}

function remembered(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Storage may be closed to this page; the name is then typed again next time.
  }
}

const lobby = openLobby();
if (query.autojoin) void lobby.submit();
