// What went wrong with a device, a connection or a call, in words that say what to do next.
import { ThalwegError } from './error.js';

/** A device by what it gives. */
export type DeviceKind = 'camera' | 'microphone' | 'screen' | 'speaker';

/** A failure to show to a person. */
export interface Fault {
  /** A word that stays, for programs. */
  readonly code: FaultCode;
  /** What is wrong, in a few words. */
  readonly title: string;
  /** What to do about it. */
  readonly advice: string;
}

/** What can go wrong. */
export type FaultCode =
  /** The browser or the system does not let the page use the device. */
  | 'blocked'
  /** There is no such device. */
  | 'missing'
  /** Something else uses the device. */
  | 'busy'
  /** The device cannot give what was asked. */
  | 'unsuitable'
  /** The page was not opened over https. */
  | 'insecure'
  /** The call does not let this user. */
  | 'forbidden'
  /** Nothing was chosen to share. */
  | 'dismissed'
  /** The device stopped by itself. */
  | 'stopped'
  /** The server or the network is away. */
  | 'unreachable'
  /** The connection broke; it is being made again. */
  | 'interrupted'
  /** The connection broke and did not come back. */
  | 'lost'
  /** The session could not be renewed, or is void. */
  | 'session'
  /** The call is over. */
  | 'ended'
  /** The call is not live yet, or no more. */
  | 'backstage'
  /** The call has no place left. */
  | 'full'
  /** Somebody sent this user out. */
  | 'removed'
  /** The same user joined from somewhere else. */
  | 'replaced'
  | 'failed';

const fault = (code: FaultCode, title: string, advice: string): Fault => ({ code, title, advice });

/** Whether the browser gives devices to this page at all: only secure pages have them. */
export function devicesReachable(): boolean {
  return globalThis.navigator?.mediaDevices !== undefined;
}

const LABELS: Record<DeviceKind, string> = { camera: 'Camera', microphone: 'Microphone', screen: 'Screen sharing', speaker: 'Speaker' };

/** Names the reason for which a device could not be had. */
export function deviceFault(kind: DeviceKind, error: unknown, reachable = devicesReachable()): Fault {
  const label = LABELS[kind];
  const lower = label.toLowerCase();
  const name = error instanceof Error ? error.name : '';
  if (!reachable) {
    return fault('insecure', `${label} unavailable`, 'Browsers give devices only to pages opened over https:// or on localhost. Open this page that way.');
  }
  if (error instanceof ThalwegError && error.code === 'missing_capability') {
    return fault('forbidden', `${label} not allowed`, 'You may not use it in this call. Ask the host to let you.');
  }
  if (kind === 'screen' && ['NotAllowedError', 'AbortError'].includes(name)) {
    return fault('dismissed', 'Nothing was shared', 'Choose a screen, a window or a tab, then press Share. If you were not asked, allow screen recording for the browser in the system settings.');
  }
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return fault('blocked', `${label} blocked`, `This page may not use your ${lower}. Allow it in the site settings beside the address, then try again.`);
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return fault('missing', `No ${lower} found`, `Connect a ${lower}, or choose another one, then try again.`);
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return fault('busy', `${label} busy`, `Another app or tab is using your ${lower}. Close it there, then try again.`);
    case 'OverconstrainedError':
    case 'ConstraintNotSatisfiedError':
      return fault('unsuitable', `${label} not suitable`, `The chosen ${lower} is gone or cannot give what was asked. Choose another one.`);
    case 'NotSupportedError':
      return fault('missing', `${label} not supported`, `This browser has no ${lower}. Try another browser.`);
    default:
      return fault('failed', `${label} failed`, sentence(error, 'Try again, or choose another device.'));
  }
}

/** A device that stopped by itself: unplugged, or stopped by the browser's own button. */
export function stoppedFault(kind: DeviceKind): Fault {
  return fault('stopped', `${LABELS[kind]} stopped`, 'It was unplugged or taken away. Connect it again, or choose another one.');
}

/** Names the reason for which a call could not be joined or asked. */
export function callFault(error: unknown): Fault {
  if (!(error instanceof ThalwegError)) return fault('failed', 'That did not work', sentence(error, 'Try again in a moment.'));
  switch (error.code) {
    case 'unreachable':
      return fault('unreachable', 'The server cannot be reached', 'Check that you are online, then try again.');
    case 'unavailable':
    case 'internal':
      return fault('unreachable', 'The server is not ready', 'Try again in a moment.');
    case 'token_provider':
      return fault('session', 'Your session could not be renewed', 'Check that you are online and signed in, then try again.');
    case 'token_missing':
    case 'token_invalid':
    case 'token_expired':
    case 'token_revoked':
      return fault('session', 'Your session has ended', 'Sign in again, then come back.');
    case 'call_not_live':
      return fault('backstage', 'It has not begun yet', 'You can come in as soon as the host goes live.');
    case 'call_ended':
      return fault('ended', 'The call is over', 'It was ended for everybody.');
    case 'call_full':
      return fault('full', 'The call is full', 'Try again when somebody has left.');
    case 'blocked':
      return fault('removed', 'You were removed', 'Someone with the right to do so took you out of this call.');
    case 'call_not_found':
      return fault('failed', 'There is no such call', 'Check the link, or ask for a new one.');
    case 'missing_capability':
    case 'server_only':
    case 'call_not_in_token':
    case 'members_only':
      return fault('forbidden', 'You may not do this', sentence(error, 'Ask the host to let you.'));
    case 'rate_limited':
    case 'slow_mode':
      return fault('failed', 'That was too fast', `Wait ${error.retryAfterS === undefined ? 'a moment' : `${error.retryAfterS} s`}, then try again.`);
    case 'already_joined':
      return fault('replaced', 'You are in this call already', 'Leave it first, or go on where you are.');
    case 'media':
      return fault('unreachable', 'No media path to the server', 'The server answers, but audio and video do not get through. Check the firewall between you and the server.');
    default:
      return fault('failed', 'That did not work', sentence(error, 'Try again in a moment.'));
  }
}

/** While the connection is away and is being made again. */
export const INTERRUPTED: Fault = fault('interrupted', 'The connection broke', 'Trying to come back by itself…');

/** How a call ended that this user did not leave. */
export const ENDINGS = {
  ended: fault('ended', 'The call is over', 'It was ended for everybody.'),
  backstage: fault('backstage', 'The live show is over', 'You can come back when the host goes live again.'),
  removed: fault('removed', 'You were removed', 'Someone with the right to do so took you out of this call.'),
  replaced: fault('replaced', 'You joined from somewhere else', 'The same user entered this call again, so it was closed here.'),
  lost: fault('lost', 'The connection was lost', 'The server did not answer in time. Check your network, then join again.'),
  session: fault('session', 'Your session has ended', 'Sign in again, then come back.'),
} as const;

function sentence(error: unknown, otherwise: string): string {
  const text = error instanceof Error ? error.message.trim() : '';
  if (text === '') return otherwise;
  const begun = text[0]?.toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
