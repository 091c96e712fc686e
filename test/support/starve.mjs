/** Loaded with --import, it keeps the event loop of its process busy three quarters of the time. */
const BUSY_MS = 120;
setInterval(() => {
  const until = performance.now() + BUSY_MS;
  while (performance.now() < until);
}, BUSY_MS / 3).unref();
