import type { Sized } from '../../sizes.ts';
import { CONNECT_TIMEOUT_MS } from './engine.ts';
import type { Connection } from './private-members.ts';

/** Connections that have left every namespace. Each is closed unless it enters one again in time. */
export interface DepartedConnections {
  /** The connection has left its last namespace. */
  left(connection: Connection): void;
  /** The connection has entered a namespace, or has ended. */
  forget(connection: Connection): void;
  close(): void;
}

/** Socket.IO closes a connection that never enters a namespace, but keeps one that has left them all for as long as it answers pings. */
export function createDepartedConnections(): DepartedConnections & Sized {
  const timers = new Map<Connection, NodeJS.Timeout>();

  function forget(connection: Connection): void {
    clearTimeout(timers.get(connection));
    timers.delete(connection);
  }

  return {
    sizes: () => ({ timers: timers.size }),
    left(connection) {
      // Sockets also leave because their connection has ended.
      if (connection.readyState !== 'open') return;
      forget(connection);
      timers.set(
        connection,
        setTimeout(() => {
          forget(connection);
          connection.close();
        }, CONNECT_TIMEOUT_MS),
      );
    },
    forget,
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
