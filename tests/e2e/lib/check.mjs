// Waiting on conditions and saying what was not met.

/** The time most conditions get, in milliseconds: long for a loaded machine, short for a person. */
export const PATIENCE_MS = 20_000;
/** The pause between two looks, in milliseconds. */
const LOOK_MS = 100;

/** Fails with `text` unless `truth` holds. */
export function check(truth, text) {
  if (!truth) throw new Error(text);
}

/** Looks until `look` gives something true, and gives it back; fails with the last thing seen. */
export async function until(what, look, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  let seen;
  for (;;) {
    try {
      seen = await look();
      if (seen) return seen;
    } catch (error) {
      seen = error.message;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms / 1000} s (last seen: ${brief(seen)})`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Like `until`, where `look` gives `[met, seen]`, so that a failure can tell how near it came. */
export async function reach(what, look, ms = PATIENCE_MS) {
  let last;
  try {
    await until(what, async () => {
      const [met, seen] = await look();
      last = seen;
      return met;
    }, ms);
  } catch {
    throw new Error(`${what}: not within ${ms / 1000} s (last seen: ${brief(last)})`);
  }
  return last;
}

/** A value in one short line. */
export function brief(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === undefined ? 'nothing' : text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
