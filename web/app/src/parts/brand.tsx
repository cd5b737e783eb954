// The mark: two banks and the line of fastest flow between them, which is what a thalweg is.

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path className="bank" d="M10 3c-4 6 3 9 0 14s-3 7-2 12M26 3c-4 6 2 9-1 14s-3 7-2 12" />
      <path className="flow" d="M18 3c-4 6 3 9 0 14s-4 7-2.500 12" />
    </svg>
  );
}

/** The mark and the name; `href` is the way home. */
export function Brand({ onHome }: { onHome?: (() => void) | undefined }) {
  const inside = (
    <>
      <Mark />
      <span className="brand-name">Thalweg</span>
    </>
  );
  if (!onHome) return <span className="brand">{inside}</span>;
  const home = (event: React.MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onHome();
  };
  return (
    <a className="brand" href="/" onClick={home} aria-label="Thalweg, to the start page">
      {inside}
    </a>
  );
}
