// The first lines that run: which of the two pages is wanted. `?room=` names a plain room of LiveKit's dialect; the rest is calls.

/** The person's choice of dark or light, before anything is drawn. */
function applyTheme(): void {
  try {
    const kept = localStorage.getItem('thalweg.theme');
    if (kept === 'dark' || kept === 'light') document.documentElement.dataset.theme = kept;
  } catch {
    // Storage may be closed to this page; the system's choice stands.
  }
}

applyTheme();
if (new URLSearchParams(location.search).has('room')) void import('./room/main');
else void import('./start');
