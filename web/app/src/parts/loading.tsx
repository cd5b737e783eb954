// While something is on its way.

export function Loading({ text }: { text: string }) {
  return (
    <main className="message" aria-busy="true">
      <p className="loading" role="status">
        <span className="th-spinner" aria-hidden="true" />
        {text}
      </p>
    </main>
  );
}
