import type { ClientSocket } from '../../src/server/socket-types.ts';

/** A socket's `emit` that hands on the event and its first argument. */
export function emitting<Data = unknown>(hear: (event: string, data: Data) => unknown): ClientSocket['emit'] {
  return (event, ...args) => {
    hear(event, args[0] as Data);
    return true;
  };
}
