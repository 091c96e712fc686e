/** A connection that comes back by itself, whoever keeps it up: raw frames (mini-line) or socket.io-client (sio-line). */
export interface Connection {
  readonly up: boolean;
  /** Answers undefined when nothing came: the connection went down, or `ANSWER_LIMIT_MS` went by. */
  ask(event: string, payload: object): Promise<unknown>;
  /** Lets the connection go and comes back after `afterMs`. */
  drop(afterMs?: number): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly name: string;
  readonly onUp: () => void;
  readonly onDown: (reason: string) => void;
  readonly onEvent: (event: string, data: unknown) => void;
}

export type OpenConnection = (options: ConnectionOptions) => Connection;

export const ANSWER_LIMIT_MS = 8_000;

/** First try soon, then calmly: every client comes back at once when a worker dies. */
export function comeBackMs(tries: number): number {
  return Math.min(100 * 2 ** tries, 1_000) * (0.5 + Math.random() / 2);
}
