import type { ChatNamespace } from './gateway.ts';

/**
 * `hello` is the first that a connection hears. It comes after a round trip or two, and nothing that is told to everybody
 * meanwhile may come before: who waits is left out, and told with `hello` how things are then.
 */
export interface Greetings {
  await(socketId: string): void;
  /** Greeted, or gone. */
  done(socketId: string): void;
  /** Every connection of the namespace on this worker that was greeted. */
  everybody(nsp: Pick<ChatNamespace, 'local'>): ReturnType<ChatNamespace['local']['except']>;
}

export function createGreetings(): Greetings {
  const waiting = new Set<string>();
  return {
    await: (socketId) => void waiting.add(socketId),
    done: (socketId) => void waiting.delete(socketId),
    everybody: ({ local }) => local.except([...waiting]),
  };
}
