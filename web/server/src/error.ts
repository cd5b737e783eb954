// What the server refused, or why it could not be asked.
import type { Capability, ErrorAnswer, ErrorCode } from '@thalweg/api';

/** What went wrong, in a word: the server's codes, and those of this package. */
export type ThalwegErrorCode =
  | ErrorCode
  /** The server cannot be reached. */
  | 'unreachable'
  /** A webhook is not from this server, or too old. */
  | 'webhook_invalid';

/** An error with a code that stays and a message for people. */
export class ThalwegError extends Error {
  override readonly name = 'ThalwegError';

  constructor(
    readonly code: ThalwegErrorCode,
    message: string,
    /** The HTTP status, when the server answered. */
    readonly status?: number,
    /** What the answer told beside that. */
    readonly detail: { field?: string; capability?: Capability; request_id?: string; retry_after_s?: number } = {},
  ) {
    super(message);
  }
}

/** The error that an answer tells of. */
export function refusal(status: number, body: unknown, retryAfter: string | null): ThalwegError {
  const told = (body as Partial<ErrorAnswer> | undefined)?.error;
  if (!told) return new ThalwegError(status >= 500 ? 'unavailable' : 'invalid', `the server answered ${status}`, status);
  const { code, message, ...detail } = told;
  const seconds = Number(retryAfter ?? NaN);
  return new ThalwegError(code, message, status, Number.isFinite(seconds) ? { ...detail, retry_after_s: seconds } : detail);
}
