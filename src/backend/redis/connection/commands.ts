import type { Outcome } from '../../../protocol/codes.ts';
import type { Script } from '../scripts.ts';

/** The server at the other end, as INFO describes it. */
export interface RedisServer {
  /**
   * Names the time for which this server has been the master, see server-term.ts. It changes with every restart and
   * failover. A run id alone would be the same again if the master were demoted, lost what its successor had not received,
   * and were promoted again.
   */
  readonly term: string;
  /** The term of the server that the same connection led to before, undefined at first. */
  readonly previousTerm: string | undefined;
  readonly version: string;
  /** It takes no new logs of people, see memory-watch.ts. */
  readonly isNearlyFull?: () => boolean;
}

/** A script's arguments, or how to make them once it is known which server runs it. */
export type ScriptArgs = readonly string[] | ((server: RedisServer) => readonly string[]);

/**
 * Commands to whichever server has their keys. Every call returns within a time limit and never rejects. Calls for the same
 * key reach its server in the order in which they are made. A call while that server is away is refused at once and never
 * runs later. All keys of a call MUST share one hash tag, or be the same.
 */
export interface RedisCommands {
  /** The key MUST follow the command's name, or its subcommand's. */
  call<T>(args: readonly string[]): Promise<Outcome<T>>;
  publish(channel: string, frame: string | Buffer): Promise<Outcome<number>>;
  evaluate<T>(script: Script, keys: readonly string[], args: ScriptArgs): Promise<Outcome<T>>;
  /** Returns whether calls for the two keys reach Redis in the order in which they are made. */
  inOneOrder(key: string, other: string): boolean;
}
