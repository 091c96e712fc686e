import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { findPortProblems, isBlockedPort } from '../../src/cluster/ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function takePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

test('says of every port that is taken which setting it is and why', async () => {
  const [first, second] = [await takePort(), await takePort()];
  const problems = await findPortProblems([
    { name: 'PORT', host: '127.0.0.1', port: first },
    { name: 'ADMIN_PORT', host: '127.0.0.1', port: 0 },
    { name: 'BASE_PORT', host: '0.0.0.0', port: second },
  ]);
  expect(problems).toEqual([
    `PORT ${first} on 127.0.0.1 is taken (EADDRINUSE)`,
    `BASE_PORT ${second} on 0.0.0.0 is taken (EADDRINUSE)`,
  ]);
});

test('says that an address is not this machine’s', async () => {
  const [problem] = await findPortProblems([{ name: 'PORT', host: '192.0.2.1', port: 45_678 }]);
  expect(problem).toContain('EADDRNOTAVAIL');
});

test('says when two settings ask for the same port', async () => {
  const port = await takePort();
  for (const server of servers.splice(0)) server.close();
  const problems = await findPortProblems([
    { name: 'PORT', host: '127.0.0.1', port },
    { name: 'ADMIN_PORT', host: '127.0.0.1', port },
  ]);
  expect(problems).toEqual([`ADMIN_PORT ${port} on 127.0.0.1 is also PORT`]);
});

test('leaves free ports free', async () => {
  const port = await takePort();
  for (const server of servers.splice(0)) server.close();
  const claims = [{ name: 'PORT', host: '127.0.0.1', port }];
  expect(await findPortProblems(claims)).toEqual([]);
  expect(await findPortProblems(claims)).toEqual([]);
});

test('knows the ports that browsers refuse', () => {
  expect([5999, 6000, 6001, 6667, 3000].map(isBlockedPort)).toEqual([false, true, false, true, false]);
});
