import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Which connections a fault is for, by the port their client dialled from. */
export type Which = (clientPort: number) => boolean;

/** What goes wrong with a connection between two processes of this machine, where the kernel has no netem. */
export interface TcpProxy {
  readonly port: number;
  /** Connections up now. */
  readonly open: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Both ends get a RST; answers how many connections were cut. */
  cut(which?: Which): number;
  /**
   * Half open: both ends stay connected, what they send is taken and goes nowhere until `release`, not even
   * their farewell. With `dials` the connections that come later are held as well.
   */
  hold(which?: Which, dials?: boolean): number;
  /** What was held goes on its way, in its order. */
  release(): void;
  /** How late everything arrives from now on. */
  delay(ms: number): void;
  /** New connections are reset at once. */
  refuse(on: boolean): void;
  close(): Promise<void>;
}

interface Connection {
  readonly clientPort: number;
  held: boolean;
  flush(): void;
  cut(): void;
}

const everyConnection: Which = () => true;

export interface TcpTarget {
  readonly port: number;
  /** The address of this machine to dial from; a balancer takes it for the client's. */
  readonly localAddress?: string;
}

export async function openTcpProxy({ port, localAddress }: TcpTarget): Promise<TcpProxy> {
  const dial = { host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true };
  const connections = new Set<Connection>();
  let accepted = 0;
  let delayMs = 0;
  let refusing = false;
  let holdsDial: Which = () => false;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    accepted += 1;
    const upstream = connect({ ...dial, ...(localAddress === undefined ? {} : { localAddress }) });
    const connection = join(client, upstream);
    connection.held = holdsDial(connection.clientPort);
    connections.add(connection);
  });

  function join(client: Socket, upstream: Socket): Connection {
    const directions = [carry(client, upstream), carry(upstream, client)];
    const connection: Connection = {
      clientPort: client.remotePort ?? 0,
      held: false,
      flush: () => directions.forEach((flush) => void flush()),
      cut() {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      },
    };
    let open = 2;
    for (const socket of [client, upstream]) {
      socket.on('close', () => {
        open -= 1;
        if (open === 0) connections.delete(connection);
      });
    }
    return connection;

    /** Steps of one direction, bytes or its end, in their order; a step waits while the connection is held. */
    function carry(from: Socket, to: Socket): () => void {
      const steps: { dueAt: number; run(): void }[] = [];
      let timer: NodeJS.Timeout | undefined;
      const flush = () => {
        clearTimeout(timer);
        for (let step = steps[0]; step && !connection.held; step = steps[0]) {
          const waitMs = step.dueAt - performance.now();
          if (waitMs > 0) {
            timer = setTimeout(flush, waitMs);
            return;
          }
          steps.shift();
          step.run();
        }
      };
      const later = (run: () => void) => {
        steps.push({ dueAt: performance.now() + delayMs, run });
        flush();
      };
      from.on('data', (bytes) =>
        later(() => {
          if (to.write(bytes) || from.isPaused()) return;
          from.pause();
          to.once('drain', () => from.resume());
        }),
      );
      from.on('end', () => later(() => to.end()));
      from.on('error', () => later(() => to.resetAndDestroy()));
      return flush;
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const chosen = (which: Which) => [...connections].filter(({ clientPort }) => which(clientPort));

  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return connections.size;
    },
    get accepted() {
      return accepted;
    },
    cut(which = everyConnection) {
      const cut = chosen(which);
      for (const connection of cut) connection.cut();
      return cut.length;
    },
    hold(which = everyConnection, dials = false) {
      const held = chosen(which);
      for (const connection of held) connection.held = true;
      if (dials) holdsDial = which;
      return held.length;
    },
    release() {
      holdsDial = () => false;
      for (const connection of connections) {
        connection.held = false;
        connection.flush();
      }
    },
    delay(ms) {
      delayMs = ms;
    },
    refuse(on) {
      refusing = on;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of connections) connection.cut();
      await closed;
    },
  };
}
