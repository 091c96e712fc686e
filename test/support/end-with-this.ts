const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Kills what this process has started when it ends, by itself or by a signal. Otherwise a script that was cut off, or a test that was
 * given up on, would leave hosts running. Returns a function that takes this back.
 */
export function endWithThis(kill: () => void): () => void {
  function bySignal(signal: NodeJS.Signals): void {
    kill();
    // Not `process.exit`: a test runner forbids it. The listeners are gone by now, unless somebody else has one.
    process.kill(process.pid, signal);
  }
  process.once('exit', kill);
  for (const signal of SIGNALS) process.once(signal, bySignal);
  return () => {
    process.off('exit', kill);
    for (const signal of SIGNALS) process.off(signal, bySignal);
  };
}
