// How good somebody's connection is.
import type { Person } from '@thalweg/client';

const BARS: Record<Person['quality'], number> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: -1 };

export function QualityBars({ quality }: { quality: Person['quality'] }) {
  if (BARS[quality] < 0) return null;
  return (
    <span className="th-quality" role="img" aria-label={`Connection: ${quality}`} data-bars={BARS[quality]}>
      <i />
      <i />
      <i />
    </span>
  );
}
