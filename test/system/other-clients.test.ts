import { kill } from 'node:process';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { openPythonClient, type PythonClient } from '../support/python-client.ts';

/** What every client that may come back goes through, whatever its language. */
interface Returning {
  readonly name: string;
  readonly next: PythonClient['next'];
  close(): unknown;
}

const TRANSPORTS = ['polling', 'websocket'] as const;

let host: Host;
let clients: Returning[] = [];
beforeAll(async () => {
  host = await startHost({ workers: 2, env: { DRAIN_S: '6' } });
  const query = '?roomid=all&username=';
  clients = TRANSPORTS.flatMap((transport) => [
    {
      name: `Python, ${transport}`,
      ...openPythonClient(`${host.url}/${query}Py-${transport}`, transport),
    },
    {
      name: `JavaScript, ${transport}`,
      ...openStockClient(`${host.url}/${query}Js-${transport}`, transport),
    },
  ]);
  await Promise.all(clients.map(({ next }) => next('joined')));
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await host?.stop();
  await host?.remove();
});

function openStockClient(url: string, transport: 'polling' | 'websocket'): PythonClient {
  const socket: Socket = io(url, { transports: [transport], forceNew: true });
  const heard: { event: string }[] = [];
  let wake: () => void = () => undefined;
  for (const event of ['joined', 'bye'])
    socket.on(event, (data) => {
      heard.push({ ...(typeof data === 'object' ? data : {}), event });
      wake();
    });
  return {
    async next(event) {
      for (;;) {
        const told = heard.shift();
        if (told?.event === event) return told;
        if (!told) await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    close: async () => void socket.close(),
  };
}

async function expectReturnOfAll(): Promise<void> {
  await Promise.all(
    clients.map(async ({ name, next }) => {
      expect([name, (await next('bye')).code]).toEqual([name, 3001]);
      await next('joined');
    }),
  );
}

it('clients of every language come back after a reload', async () => {
  const back = expectReturnOfAll();
  kill(host.pid, 'SIGHUP');
  await back;
});

it('clients of every language come back after a stop and a start', async () => {
  const back = expectReturnOfAll();
  await host.stop();
  const { basePort, dataDir } = host;
  host = await startHost({ workers: 2, basePort, dataDir });
  await back;
});
