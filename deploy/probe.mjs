/** The health check of a container without curl: exits with 0 if the admin port answers the path with 2xx. */
const host = process.env.ADMIN_HOST || '127.0.0.1';
const port = process.env.ADMIN_PORT || '5999';
const admin = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
const path = process.argv[2] ?? '/readyz';
try {
  const answer = await fetch(`${admin}${path}`, { signal: AbortSignal.timeout(2_000) });
  console.log(`${answer.status} ${(await answer.text()).slice(0, 500)}`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.log(`${path}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
