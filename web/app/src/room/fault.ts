// What went wrong with a device or a connection, in words that say what to do next.
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from 'livekit-client';

/** What was asked for. */
export type Kind = 'camera' | 'microphone' | 'screen';

/** A failure to show. */
export interface Fault {
  title: string;
  advice: string;
  /** The browser remembers a refusal: trying again needs the site settings first. */
  refused: boolean;
}

/** Browsers give devices to secure pages only; elsewhere `navigator.mediaDevices` is missing. */
export function devicesReachable(): boolean {
  return navigator.mediaDevices !== undefined;
}

/** Names the reason for which a camera, a microphone or a screen could not be had. */
export function deviceFault(kind: Kind, error: unknown): Fault {
  const label = kind === 'camera' ? 'Camera' : kind === 'microphone' ? 'Microphone' : 'Screen sharing';
  const lower = label.toLowerCase();
  const name = error instanceof Error ? error.name : '';
  if (!devicesReachable()) {
    return fault(
      `${label} unavailable`,
      'Browsers give devices only to pages opened over https:// or on localhost. Open this page that way.',
    );
  }
  if (kind === 'screen') {
    if (name === 'NotAllowedError') return fault('Screen sharing was not allowed', 'Choose a screen or window, then press Share.', true);
    return fault('The screen cannot be shared', detail(error, 'This browser offers no screen to share.'));
  }
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return fault(`${label} blocked`, `This page may not use your ${lower}. Allow it in the site settings beside the address, then try again.`, true);
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return fault(`No ${lower} found`, `Connect a ${lower}, or choose another one, then try again.`);
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return fault(`${label} busy`, `Another app or tab is using your ${lower}. Close it there, then try again.`);
    case 'OverconstrainedError':
      return fault(`${label} not suitable`, `The chosen ${lower} is gone or cannot give what was asked. Choose another one.`);
    default:
      return fault(`${label} failed`, detail(error, 'Try again, or choose another device.'));
  }
}

/** Names the reason for which a room could not be entered. */
export function joinFault(error: unknown): Fault {
  if (error instanceof ConnectionError) {
    switch (error.reason) {
      case ConnectionErrorReason.NotAllowed:
        return fault('The server refused the token', detail(error, 'Ask for a fresh one.'));
      case ConnectionErrorReason.ServerUnreachable:
        return fault('The server cannot be reached', 'Check the address, that the server runs, and that you are online.');
      case ConnectionErrorReason.Timeout:
        return fault('The server took too long to answer', 'Try again in a moment.');
      case ConnectionErrorReason.Cancelled:
        return fault('Joining was cancelled', 'Join again when you are ready.');
    }
  }
  if (error instanceof Error && /could not establish pc connection/i.test(error.message)) {
    return fault('No media path to the server', 'Signalling works, but UDP and TCP media are blocked. Check the firewall between you and the server.');
  }
  return fault('Could not join', detail(error, 'Try again in a moment.'));
}

/** Says how a call ended; `undefined` means that the person left by choice. */
export function endFault(reason: DisconnectReason | undefined): Fault | undefined {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return undefined;
    case DisconnectReason.DUPLICATE_IDENTITY:
      return fault('You joined from somewhere else', 'The same identity entered this room again, so this one was closed.');
    case DisconnectReason.PARTICIPANT_REMOVED:
      return fault('You were removed', 'Someone with the right to do so took you out of this room.');
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return fault('The room was closed', 'It ended for everybody.');
    case DisconnectReason.SERVER_SHUTDOWN:
      return fault('The server is shutting down', 'Join again in a moment.');
    default:
      return fault('The connection was lost', 'The server did not answer in time. Check your network, then join again.');
  }
}

function fault(title: string, advice: string, refused = false): Fault {
  return { title, advice, refused };
}

function detail(error: unknown, otherwise: string): string {
  const text = error instanceof Error ? error.message.trim() : '';
  return text === '' ? otherwise : text.endsWith('.') ? text : `${text}.`;
}
