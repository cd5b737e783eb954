// What the address bar asks for: prefilled fields for people, switches for tests.
import type { VideoCodec } from 'livekit-client';

/** The options a link may carry. */
export interface Query {
  room: string;
  name: string;
  /** A ready token; without one the server's dev endpoint is asked. */
  token: string;
  /** The server's WebSocket address; empty means the host that served this page. */
  url: string;
  autojoin: boolean;
  singlePeerConnection: boolean;
  simulcast: boolean;
  adaptive: boolean;
  codec: VideoCodec | undefined;
}

const CODECS: readonly string[] = ['vp8', 'h264', 'vp9', 'av1'];

/** Reads `location.search`; an unknown codec is ignored. */
export function readQuery(search: string): Query {
  const given = new URLSearchParams(search);
  const codec = (given.get('codec') ?? '').toLowerCase();
  return {
    room: given.get('room') ?? '',
    name: given.get('name') ?? '',
    token: given.get('token') ?? '',
    url: given.get('url') ?? '',
    autojoin: on(given.get('autojoin'), false),
    singlePeerConnection: on(given.get('singlePeerConnection'), true),
    simulcast: on(given.get('simulcast'), true),
    adaptive: on(given.get('adaptive'), true),
    codec: CODECS.includes(codec) ? (codec as VideoCodec) : undefined,
  };
}

/** The link to hand to somebody else: the room, and the server when it is not this page's own. */
export function invitation(room: string, url: string): string {
  const link = new URL(location.href);
  link.search = '';
  link.hash = '';
  link.searchParams.set('room', room);
  if (url !== '') link.searchParams.set('url', url);
  return link.href;
}

function on(value: string | null, absent: boolean): boolean {
  if (value === null) return absent;
  return value === '' || value === '1' || value === 'true';
}
