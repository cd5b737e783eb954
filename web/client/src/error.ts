// What the server refused, or why it could not be asked.
import type { Capability, ErrorAnswer, ErrorCode } from '@thalweg/api';

/** What went wrong, in a word: the server's codes, and those of this package. */
export type ThalwegErrorCode =
  | ErrorCode
  /** The server cannot be reached. */
  | 'unreachable'
  /** The app's token provider failed. */
  | 'token_provider'
  /** This call is joined already. */
  | 'already_joined'
  /** It was called off by `leave` or `close`. */
  | 'cancelled'
  /** The media connection could not be made. */
  | 'media';

/** An error with a code that stays and a message for people. */
export class ThalwegError extends Error {
  override readonly name = 'ThalwegError';
  /** The HTTP status, when the server answered. */
  readonly status: number | undefined;
  /** The field at fault, with dots. */
  readonly field: string | undefined;
  /** What lacks, with `missing_capability`. */
  readonly capability: Capability | undefined;
  /** When to try again, in seconds. */
  readonly retryAfterS: number | undefined;
  /** What the server's log calls the request. */
  readonly requestId: string | undefined;

  constructor(
    readonly code: ThalwegErrorCode,
    message: string,
    more: { status?: number; field?: string | undefined; capability?: Capability | undefined; retryAfterS?: number | undefined; requestId?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.status = more.status;
    this.field = more.field;
    this.capability = more.capability;
    this.retryAfterS = more.retryAfterS;
    this.requestId = more.requestId;
  }
}

/** The error that an answer tells of. */
export function refusal(status: number, body: unknown, retryAfter: string | null): ThalwegError {
  const told = (body as Partial<ErrorAnswer> | undefined)?.error;
  const seconds = Number(retryAfter);
  const retryAfterS = retryAfter !== null && Number.isFinite(seconds) ? seconds : undefined;
  if (!told) return new ThalwegError(status >= 500 ? 'unavailable' : 'invalid', `the server answered ${status}`, { status, retryAfterS });
  const { code, message, field, capability, request_id: requestId } = told;
  return new ThalwegError(code, message, { status, field, capability, retryAfterS, requestId });
}

/** Whether the same may work a moment later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ThalwegError)) return false;
  return ['unreachable', 'unavailable', 'internal', 'rate_limited', 'token_provider', 'media'].includes(error.code);
}
