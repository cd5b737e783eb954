// One picture in the call: a person's camera or a shared screen.
import { ConnectionQuality, Track, type Participant, type TrackPublication } from 'livekit-client';
import { el, icon } from './dom';

/** The number of tints for people without a camera; the style sheet has one rule for each. */
const TINTS = 6;

/** A tile; `update` brings it in line with the room. */
export class Tile {
  readonly element: HTMLElement;
  private readonly video = el('video', { playsinline: true, autoplay: true, muted: true });
  private readonly face = el('div', { class: 'face', 'aria-hidden': 'true' });
  private readonly label = el('span', { class: 'who' });
  private readonly muted = el('span', { class: 'muted', title: 'Microphone off' }, icon('micOff'), el('span', { class: 'hidden' }, 'Microphone off'));
  private readonly quality = el('span', { class: 'quality', role: 'img' }, el('i'), el('i'), el('i'));
  private readonly note = el('p', { class: 'tile-note' });
  private readonly pin: HTMLButtonElement;
  private track: Track | undefined;

  constructor(
    readonly screen: boolean,
    onpin: () => void,
  ) {
    this.pin = el('button', { class: 'round small pin', type: 'button', onclick: onpin }, icon('pin'));
    this.element = el(
      'article',
      { class: screen ? 'tile screen' : 'tile', ondblclick: onpin },
      this.face,
      this.video,
      this.note,
      this.pin,
      el('footer', {}, this.muted, this.label, this.quality),
    );
  }

  /** Shows the person as the room has them. */
  update(person: Participant, publication: TrackPublication | undefined, pinned: boolean): void {
    const name = person.name || person.identity;
    const title = this.screen ? `${person.isLocal ? 'Your' : `${name}’s`} screen` : person.isLocal ? `${name} (you)` : name;
    this.label.textContent = title;
    this.element.setAttribute('aria-label', title);
    this.face.textContent = initials(name);
    this.face.dataset.tint = String(tint(person.identity));
    this.muted.hidden = this.screen || person.isMicrophoneEnabled;
    this.element.classList.toggle('speaking', !this.screen && person.isSpeaking);
    this.element.classList.toggle('mirrored', person.isLocal && !this.screen);
    this.pin.setAttribute('aria-pressed', String(pinned));
    this.pin.setAttribute('aria-label', pinned ? `Unpin ${title}` : `Pin ${title}`);
    this.showQuality(person.connectionQuality);
    this.showTrack(publication);
  }

  /** Lets go of the picture. */
  close(): void {
    this.track?.detach(this.video);
    this.track = undefined;
    this.element.remove();
  }

  private showTrack(publication: TrackPublication | undefined): void {
    const track = publication && !publication.isMuted ? publication.videoTrack : undefined;
    if (track !== this.track) {
      this.track?.detach(this.video);
      track?.attach(this.video);
      this.track = track;
    }
    const paused = track?.streamState === Track.StreamState.Paused;
    this.element.classList.toggle('blank', track === undefined);
    this.note.textContent = paused ? 'Paused: the connection is too slow for this picture' : '';
  }

  private showQuality(quality: ConnectionQuality): void {
    const bars = { [ConnectionQuality.Excellent]: 3, [ConnectionQuality.Good]: 2, [ConnectionQuality.Poor]: 1, [ConnectionQuality.Lost]: 0, [ConnectionQuality.Unknown]: -1 }[quality];
    this.quality.hidden = bars < 0 || this.screen;
    this.quality.dataset.bars = String(bars);
    this.quality.setAttribute('aria-label', `Connection: ${quality}`);
  }
}

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words.slice(0, 1);
  return letters.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('');
}

function tint(identity: string): number {
  let sum = 0;
  for (const letter of identity) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % TINTS;
}
