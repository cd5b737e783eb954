// A person as a small round: its picture, or initials on one of a few tints.
import { useState } from 'react';

/** How many tints the style sheet has. */
const TINTS = 6;

export interface AvatarProps {
  /** What makes the tint: the same person has the same everywhere. */
  id: string;
  name: string;
  /** The address of a picture. While it loads, and when it cannot be had, the initials stand there. */
  image?: string | undefined;
}

export function Avatar({ id, name, image }: AvatarProps) {
  const [missing, setMissing] = useState<string>();
  return (
    <span className="th-avatar" data-tint={tint(id)} aria-hidden="true">
      {initials(name || id)}
      {image && image !== missing && <img src={image} alt="" decoding="async" referrerPolicy="no-referrer" onError={() => setMissing(image)} />}
    </span>
  );
}

/** One letter of the first and one of the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words.slice(0, 1);
  return chosen.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('');
}

function tint(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % TINTS;
}
