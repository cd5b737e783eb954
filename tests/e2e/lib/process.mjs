// Ending what was started here, and nothing else.

/** Kills the process group of a child that was spawned `detached`; one that is gone already is fine. */
export function killTree(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
