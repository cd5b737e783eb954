// Names for new calls: random, and yet easy to say over the telephone.

const CONSONANTS = 'bdfgklmnprstvz';
const VOWELS = 'aeiou';
/** Words, and syllables in each: 70 to the power of 6 names, which nobody finds by trying. */
const WORDS = 3;
const SYLLABLES = 2;

/** A fresh name, such as `duma-reki-sola`. */
export function freshName(): string {
  return Array.from({ length: WORDS }, () => Array.from({ length: SYLLABLES }, () => pick(CONSONANTS) + pick(VOWELS)).join('')).join('-');
}

function pick(letters: string): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return letters[random % letters.length] ?? '';
}
