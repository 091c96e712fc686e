import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SlowConnection {
  readonly url: string;
  /** Connections accepted so far. */
  accepted(): number;
  /** Breaks every connection, whatever is under way on it. */
  cut(): void;
  /** From now on nothing comes back on the connections that subscribed. They stay open, and publishing works. */
  deafen(): void;
  /** From now on no published message comes back. Pings are answered. */
  withholdMessages(): void;
}

/** A TCP proxy before Redis that holds every chunk back for a while, each way, and can cut. */
export async function slowConnectionForTest(port: number, delayMs: number): Promise<SlowConnection> {
  const sockets = new Set<Socket>();
  const subscribers = new Set<Socket>();
  const deaf = new Set<Socket>();
  let accepted = 0;
  let withheld = false;
  const server = createServer((near) => {
    accepted += 1;
    const far = connect(port, '127.0.0.1');
    relay(near, far);
    relay(far, near);
  });

  function relay(from: Socket, to: Socket): void {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (chunk.includes('ssubscribe')) subscribers.add(to);
      setTimeout(() => {
        if (to.writable && !deaf.has(from) && !(withheld && chunk.includes('smessage'))) to.write(chunk);
      }, delayMs);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const deafen = () => {
    for (const socket of subscribers) deaf.add(socket);
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${own}`,
    accepted: () => accepted,
    cut,
    deafen,
    withholdMessages() {
      withheld = true;
    },
  };
}
