// The call: every person in the room, brought in line with it whenever something changes.
import { ConnectionState, RoomEvent, Track, type DisconnectReason, type Participant, type Room, type TrackPublication } from 'livekit-client';
import { Controls } from './controls';
import { brand, el, icon } from './dom';
import { Grid } from './grid';
import { notify } from './notice';
import { themeButton } from './theme';
import { Tile } from './tile';

/** What makes the view look at the room again; speakers come often, and are cheap. */
const EVENTS = [
  RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantPermissionsChanged, RoomEvent.TrackSubscribed, RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackPublished, RoomEvent.TrackUnpublished, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged, RoomEvent.TrackStreamStateChanged, RoomEvent.ConnectionStateChanged,
  RoomEvent.AudioPlaybackStatusChanged,
] as const;

const STATES: Record<ConnectionState, string> = {
  [ConnectionState.Disconnected]: 'Disconnected',
  [ConnectionState.Connecting]: 'Connecting',
  [ConnectionState.Connected]: 'Connected',
  [ConnectionState.Reconnecting]: 'Reconnecting',
  [ConnectionState.SignalReconnecting]: 'Reconnecting',
};

/** One picture that should be shown. */
interface Picture {
  key: string;
  person: Participant;
  publication: TrackPublication | undefined;
  screen: boolean;
}

/** The view of a running call. */
export class Call {
  readonly element: HTMLElement;
  private readonly tiles = new Map<string, Tile>();
  private readonly heard = new Map<Track, HTMLMediaElement>();
  private readonly grid = el('div', { class: 'grid' });
  private readonly stage = el('div', { class: 'stage', hidden: true });
  private readonly alone = el('div', { class: 'alone' });
  private readonly state = el('span', { class: 'state', role: 'status' });
  private readonly people = el('span', { class: 'people' });
  private readonly banner = el('div', { class: 'banner', role: 'alert', hidden: true });
  private readonly arrangement = new Grid(this.grid);
  private readonly controls: Controls;
  private pinned: string | undefined;
  private waiting = false;
  private closed = false;
  private readonly changed = (): void => this.soon();

  constructor(
    private readonly room: Room,
    private readonly link: string,
    onend: (reason: DisconnectReason | undefined) => void,
  ) {
    this.controls = new Controls(room, () => void room.disconnect());
    for (const event of EVENTS) room.on(event, this.changed);
    room.once(RoomEvent.Disconnected, onend);
    const copy = el('button', { class: 'plain', type: 'button', 'aria-label': 'Copy the link to this room', title: 'Copy the link', onclick: () => void this.copy() }, icon('link'));
    this.element = el(
      'main',
      { class: 'call' },
      el('header', { class: 'top' }, brand(), el('h1', { class: 'room-name' }, room.name), this.people, this.state, copy, themeButton()),
      this.banner,
      el('div', { class: 'floor' }, this.stage, this.grid, this.alone),
      this.controls.element,
    );
    this.alone.append(
      el('h2', {}, 'You are the first one here'),
      el('p', {}, 'Send the link to the people you wait for.'),
      el('button', { class: 'secondary', type: 'button', onclick: () => void this.copy() }, icon('link'), 'Copy the link'),
    );
    this.sync();
  }

  /** Lets go of every picture, sound and listener. */
  close(): void {
    this.closed = true;
    for (const event of EVENTS) this.room.off(event, this.changed);
    for (const tile of this.tiles.values()) tile.close();
    for (const [track, sound] of this.heard) track.detach(sound).remove();
    this.arrangement.close();
    this.controls.close();
  }

  /** Several events in one turn make one look at the room. */
  private soon(): void {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      if (!this.closed) this.sync();
    });
  }

  private sync(): void {
    const pictures = this.pictures();
    if (this.pinned && !pictures.some((picture) => picture.key === this.pinned)) this.pinned = undefined;
    const staged = this.pinned ?? pictures.find((picture) => picture.screen && !picture.person.isLocal)?.key;
    this.place(pictures, staged);
    this.hear();
    this.head();
    this.controls.update();
    this.arrangement.fit();
  }

  private pictures(): Picture[] {
    const people: Participant[] = [...this.room.remoteParticipants.values(), this.room.localParticipant];
    return people.flatMap((person) => {
      const camera: Picture = { key: `${person.identity}/camera`, person, publication: person.getTrackPublication(Track.Source.Camera), screen: false };
      const shared = person.getTrackPublication(Track.Source.ScreenShare);
      return shared ? [{ key: `${person.identity}/screen`, person, publication: shared, screen: true }, camera] : [camera];
    });
  }

  private place(pictures: Picture[], staged: string | undefined): void {
    for (const [key, tile] of this.tiles) {
      if (pictures.some((picture) => picture.key === key)) continue;
      tile.close();
      this.tiles.delete(key);
    }
    for (const [index, picture] of pictures.filter((each) => each.key !== staged).entries()) {
      put(this.grid, this.tile(picture).element, index);
    }
    const main = pictures.find((picture) => picture.key === staged);
    if (main) put(this.stage, this.tile(main).element, 0);
    this.stage.hidden = !main;
    this.element.classList.toggle('staged', main !== undefined);
    this.alone.hidden = this.room.remoteParticipants.size > 0 || main !== undefined;
    for (const picture of pictures) this.tile(picture).update(picture.person, picture.publication, picture.key === this.pinned);
  }

  private tile({ key, screen }: Picture): Tile {
    let tile = this.tiles.get(key);
    if (!tile) {
      tile = new Tile(screen, () => {
        this.pinned = this.pinned === key ? undefined : key;
        this.sync();
      });
      this.tiles.set(key, tile);
    }
    return tile;
  }

  /** Every remote sound gets its own element; pictures are always silent. */
  private hear(): void {
    const tracks = new Set<Track>();
    for (const person of this.room.remoteParticipants.values()) {
      for (const { track } of person.audioTrackPublications.values()) if (track) tracks.add(track);
    }
    for (const [track, sound] of this.heard) {
      if (tracks.has(track)) continue;
      track.detach(sound).remove();
      this.heard.delete(track);
    }
    for (const track of tracks) {
      if (this.heard.has(track)) continue;
      const sound = track.attach();
      sound.hidden = true;
      this.element.append(sound);
      this.heard.set(track, sound);
    }
  }

  private head(): void {
    const count = this.room.remoteParticipants.size + 1;
    this.people.textContent = count === 1 ? '1 person' : `${count} people`;
    this.state.textContent = STATES[this.room.state];
    this.state.dataset.state = this.room.state;
    const reconnecting = this.room.state === ConnectionState.Reconnecting || this.room.state === ConnectionState.SignalReconnecting;
    const silent = !this.room.canPlaybackAudio && !reconnecting;
    const next = reconnecting ? 'reconnecting' : silent ? 'silent' : '';
    if (this.banner.dataset.kind === next) return;
    this.banner.dataset.kind = next;
    this.banner.hidden = next === '';
    if (reconnecting) this.banner.replaceChildren(el('span', { class: 'spinner' }), 'The connection broke. Trying to come back…');
    if (silent) {
      const hear = el('button', { class: 'secondary', type: 'button', onclick: () => void this.room.startAudio() }, icon('speaker'), 'Hear the others');
      this.banner.replaceChildren('Your browser holds the sound back until you allow it.', hear);
    }
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.link);
      notify('Link copied', 'Send it to the people you wait for.');
    } catch {
      notify('Copy this link', this.link);
    }
  }
}

/** Moves an element only when it stands elsewhere: moving restarts its video. */
function put(parent: Element, child: Element, index: number): void {
  const there = parent.children[index] ?? null;
  if (there !== child) parent.insertBefore(child, there);
}
