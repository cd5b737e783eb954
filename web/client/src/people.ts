// Who is in the call, as one list that a view can draw.
import { ConnectionQuality, Participant, ParticipantKind, RoomEvent, Track, type Room, type TrackPublication } from 'livekit-client';
import { Cell, type Observable } from './observable.js';

/** A picture that somebody shows. */
export interface Picture {
  /** Whether it is to be seen: published, not muted, and arriving. */
  readonly on: boolean;
  /** LiveKit's own object. */
  readonly publication: TrackPublication | undefined;
}

/** Somebody in the call. Each change makes a new object. */
export interface Person {
  /** The user's id. */
  readonly id: string;
  /** What people read. */
  readonly name: string;
  /** The address of its picture; nothing when it has none. */
  readonly image: string | undefined;
  /** Whether it is this user. */
  readonly isMe: boolean;
  /** Whether it is an encoder, such as OBS, and nobody to talk with. */
  readonly isEncoder: boolean;
  readonly speaking: boolean;
  /** Whether its microphone is on. */
  readonly microphone: boolean;
  readonly camera: Picture;
  readonly screen: Picture;
  /** Whether it is in everybody's view. */
  readonly pinned: boolean;
  /** How good its connection is. */
  readonly quality: 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';
  /** When it came, in milliseconds since 1970; nothing when that is not known yet. */
  readonly joinedAtMs: number | undefined;
  /** LiveKit's own object. */
  readonly participant: Participant;
}

/** What makes the list change. */
const EVENTS = [
  RoomEvent.Connected, RoomEvent.Disconnected, RoomEvent.Reconnected, RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantActive, RoomEvent.ParticipantNameChanged, RoomEvent.ParticipantAttributesChanged, RoomEvent.ParticipantPermissionsChanged,
  RoomEvent.TrackPublished, RoomEvent.TrackUnpublished, RoomEvent.TrackSubscribed, RoomEvent.TrackUnsubscribed, RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted, RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged, RoomEvent.TrackStreamStateChanged,
] as const;

/** Keeps the list of people in step with the room. */
export class People {
  readonly #list = new Cell<readonly Person[]>([]);
  #waiting = false;

  constructor(
    private readonly room: Room,
    private readonly pins: Observable<readonly string[]>,
    private readonly joined: () => boolean,
  ) {
    for (const event of EVENTS) room.on(event, () => this.soon());
    pins.subscribe(() => this.soon());
  }

  /** Who is there: this user first, then the others as they came. */
  get list(): Observable<readonly Person[]> {
    return this.#list;
  }

  /** Several events in one turn make one new list. */
  soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      this.#look();
    });
  }

  #look(): void {
    if (!this.joined()) return this.#list.set([]);
    const before = new Map(this.#list.value.map((person) => [person.participant, person]));
    const others = [...this.room.remoteParticipants.values()].sort((left, right) => (left.joinedAt?.getTime() ?? 0) - (right.joinedAt?.getTime() ?? 0));
    const next = [this.room.localParticipant, ...others].map((participant) => {
      const made = this.#person(participant);
      const old = before.get(participant);
      return old && same(old, made) ? old : made;
    });
    const unchanged = next.length === this.#list.value.length && next.every((person, index) => person === this.#list.value[index]);
    if (!unchanged) this.#list.set(next);
  }

  #person(participant: Participant): Person {
    const { identity } = participant;
    return {
      id: identity,
      name: participant.name || identity,
      image: participant.attributes['image'] || undefined,
      isMe: participant.isLocal,
      isEncoder: participant.kind === ParticipantKind.INGRESS || identity.startsWith('@'),
      speaking: participant.isSpeaking,
      microphone: participant.isMicrophoneEnabled,
      camera: picture(participant, Track.Source.Camera),
      screen: picture(participant, Track.Source.ScreenShare),
      pinned: this.pins.value.includes(identity),
      quality: QUALITIES[participant.connectionQuality],
      joinedAtMs: participant.joinedAt?.getTime(),
      participant,
    };
  }
}

const QUALITIES: Record<ConnectionQuality, Person['quality']> = {
  [ConnectionQuality.Excellent]: 'excellent',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'poor',
  [ConnectionQuality.Lost]: 'lost',
  [ConnectionQuality.Unknown]: 'unknown',
};

function picture(participant: Participant, source: Track.Source): Picture {
  const publication = participant.getTrackPublication(source);
  return { on: publication !== undefined && !publication.isMuted && publication.track !== undefined, publication };
}

function same(left: Person, right: Person): boolean {
  const flat = ({ camera, screen, ...rest }: Person): unknown[] => [...Object.values(rest), camera.on, camera.publication, screen.on, screen.publication];
  const [one, other] = [flat(left), flat(right)];
  return one.every((value, index) => Object.is(value, other[index]));
}
