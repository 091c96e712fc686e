import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { checkSite } from '../../../src/cli/doctor/site-check.ts';

it('ends on a site whose answer does not end', async () => {
  const server = createServer((_request, response) => {
    const timer = setInterval(() => response.write('x'.repeat(20_000)), 1);
    response.on('close', () => clearInterval(timer)).on('error', () => undefined);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const findings = await checkSite({ url: `http://127.0.0.1:${port}/`, socketPath: '/socket.io/' });
  expect(findings).toMatchObject([{ subject: 'site', problem: expect.stringMatching(/too long|in time/) }]);
});
