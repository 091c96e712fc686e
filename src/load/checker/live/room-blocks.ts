import type { Finding } from '../../result.ts';
import { NUMBERS_FROM, type Origin } from './origin-text.ts';

/*
 * A room whose members are in several processes: each process checks the content of a number with its own members.
 * Between processes the sums of whole blocks of numbers are compared, which costs one number per block.
 */

const BLOCK = 64;
/** Blocks that one process still misses numbers of. */
const MAX_OPEN = 16;
/** Blocks that wait for the other processes. */
const MAX_COMPARED = 64;

/** The content of one whole block of numbers. */
export interface RoomBlock {
  readonly room: string;
  readonly block: number;
  readonly sum: number;
}

export interface RoomBlocks {
  add(number: number, origin: Origin): void;
  /** The blocks that became whole since the last call. */
  take(): RoomBlock[];
}

export function createRoomBlocks(room: string): RoomBlocks {
  const open = new Map<number, { count: number; sum: number }>();
  let whole: RoomBlock[] = [];
  return {
    add(number, { client, number: own }) {
      const block = Math.floor(number / BLOCK);
      const state = open.get(block) ?? { count: 0, sum: 0 };
      open.set(block, state);
      state.count += 1;
      const mixed =
        Math.imul(number, 0x9e3779b1) ^
        Math.imul(client + 1, 0x85ebca6b) ^
        Math.imul(own - NUMBERS_FROM, 0xc2b2ae35);
      state.sum = (state.sum + Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)) >>> 0;
      if (state.count === BLOCK) {
        open.delete(block);
        whole.push({ room, block, sum: state.sum });
      }
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) open.delete(oldest);
    },
    take() {
      const taken = whole;
      whole = [];
      return taken;
    },
  };
}

/** Compares the blocks of all processes. */
export interface BlockComparison {
  add(blocks: readonly RoomBlock[]): void;
  readonly findings: readonly Finding[];
}

export function createBlockComparison(): BlockComparison {
  const known = new Map<string, Map<number, number>>();
  const findings: Finding[] = [];
  return {
    findings,
    add(blocks) {
      for (const { room, block, sum } of blocks) {
        const sums = known.get(room) ?? new Map<number, number>();
        known.set(room, sums);
        const other = sums.get(block);
        if (other !== undefined && other !== sum) {
          const detail = `members of ${room} in two processes got different messages from ${block * BLOCK} on`;
          findings.push({ kind: 'swapped', detail });
        }
        sums.set(block, sum);
        const [oldest] = sums.keys();
        if (sums.size > MAX_COMPARED && oldest !== undefined) sums.delete(oldest);
      }
    },
  };
}
