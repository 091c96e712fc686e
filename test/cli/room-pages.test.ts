import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createRoomPages } from '../../src/cli/room-pages.ts';

it('takes its own time if a proxy has removed the Date header', async () => {
  const server = createServer((_request, response) => {
    response.sendDate = false;
    response.end(JSON.stringify({ rooms: [] }));
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pages = createRoomPages({ url, key: undefined }, undefined, new AbortController().signal);
  const before = Date.now();
  expect((await pages.rooms()).at).toBeGreaterThanOrEqual(before);
});
