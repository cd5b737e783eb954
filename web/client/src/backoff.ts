// How long to wait before the next try.

/** The first pause and the longest, in milliseconds. */
const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** The pause before the try number `attempt`, which counts from 0: it doubles, and varies by half so that clients do not come all at once. */
export function pauseMs(attempt: number, random: number): number {
  const whole = Math.min(FIRST_MS * 2 ** Math.min(attempt, 16), LONGEST_MS);
  return Math.round(whole * (0.5 + random / 2));
}

/** Waits; wakes early when the browser is online again or the signal says stop. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    globalThis.addEventListener?.('online', done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}
