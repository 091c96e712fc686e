import type { Random } from '../../src/load/random.ts';
import type { Stage, StageNeeds } from './stage.ts';

/** Something that goes wrong on the stage; `run` returns when it is over. */
export interface Plan extends StageNeeds {
  readonly name: string;
  readonly title: string;
  /**
   * The messages that the fault may take from the store, if everybody is told: acked messages, or only such as were never acked. Nothing by
   * default.
   */
  readonly mayLose?: 'acked' | 'unacked';
  /**
   * Answers how often the fault was seen to bite by the one who made it, such as connections that came back after
   * they were cut. What the clients felt is counted apart. `rooms`: the ids of the rooms in which people talk.
   */
  run(stage: Stage, random: Random, rooms: readonly string[]): Promise<number>;
  /** Members whose connection stands may be told as gone: their worker cannot be reached for longer than the grace time. */
  readonly cutsOff?: true;
  /** It ends only by what the stock chat lacks, such as a supervisor that replaces a hung worker. */
  readonly notForStock?: true;
}
