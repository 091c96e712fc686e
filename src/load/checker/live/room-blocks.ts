import type { Finding } from '../../result.ts';
import { NUMBERS_FROM, type Origin } from './origin-text.ts';

/*
 * A room whose members are in several processes: each process checks the content of a number with its own members.
 * Between processes the sums of blocks of numbers are compared, which costs one number per block.
 */

const BLOCK = 64;
const HALF = BLOCK / 2;
/** Blocks that one process still misses numbers of. */
const MAX_OPEN = 16;
/** Blocks that wait for the other processes. */
const MAX_COMPARED = 64;
const KEPT_FINDINGS = 5;

/** The content of one block of numbers: of all, or of those that a process got before the run or the memory ended. */
export interface RoomBlock {
  readonly room: string;
  readonly epoch: string | undefined;
  readonly block: number;
  readonly count: number;
  /** The numbers that the process got, a bit each. */
  readonly numbers: readonly [number, number];
  readonly sum: number;
}

export interface RoomBlocks {
  add(number: number, origin: Origin, epoch?: string): void;
  /** The blocks that became whole since the last call; at the end of the run the others too. */
  take(isEnd?: boolean): RoomBlock[];
}

interface OpenBlock {
  readonly epoch: string | undefined;
  readonly block: number;
  count: number;
  readonly numbers: [number, number];
  sum: number;
}

export function createRoomBlocks(room: string): RoomBlocks {
  let open: OpenBlock[] = [];
  let taken: RoomBlock[] = [];

  function opened(block: number, epoch: string | undefined): OpenBlock {
    const state: OpenBlock = { epoch, block, count: 0, numbers: [0, 0], sum: 0 };
    open.push(state);
    const oldest = open.length > MAX_OPEN ? open.shift() : undefined;
    if (oldest !== undefined) taken.push({ room, ...oldest });
    return state;
  }

  return {
    add(number, { client, number: own }, epoch) {
      // Rooms begin with number 1, so the first block is whole too.
      const block = Math.floor((number - 1) / BLOCK);
      const state =
        open.findLast((each) => each.block === block && each.epoch === epoch) ?? opened(block, epoch);
      const bit = (number - 1) % BLOCK;
      const half = bit < HALF ? 0 : 1;
      state.numbers[half] = (state.numbers[half] | (1 << (bit % HALF))) >>> 0;
      state.count += 1;
      const mixed =
        Math.imul(number, 0x9e3779b1) ^
        Math.imul(client + 1, 0x85ebca6b) ^
        Math.imul(own - NUMBERS_FROM, 0xc2b2ae35);
      state.sum = (state.sum + Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)) >>> 0;
      if (state.count < BLOCK) return;
      open.splice(open.indexOf(state), 1);
      taken.push({ room, ...state });
    },
    take(isEnd = false) {
      const blocks = isEnd ? [...taken, ...open.map((each) => ({ room, ...each }))] : taken;
      taken = [];
      if (isEnd) open = [];
      return blocks;
    },
  };
}

/** Compares the blocks of all processes. */
export interface BlockComparison {
  add(blocks: readonly RoomBlock[]): void;
  /** The blocks that differ. */
  readonly differences: number;
  /** The first of them, in words. */
  readonly findings: readonly Finding[];
  /** The part of the messages that were in a block which two processes got in full or as far as each other. */
  readonly comparedShare: number;
}

interface Waiting {
  readonly sums: Map<string, { readonly sum: number; readonly count: number; isCompared: boolean }>;
}

export function createBlockComparison(): BlockComparison {
  const rooms = new Map<string, Map<string, Waiting>>();
  const findings: Finding[] = [];
  let differences = 0;
  let handed = 0;
  let compared = 0;

  function waitingFor({ room, epoch, block }: RoomBlock): Waiting {
    const blocks = rooms.get(room) ?? new Map<string, Waiting>();
    rooms.set(room, blocks);
    const key = `${block} ${epoch}`;
    const waiting = blocks.get(key) ?? { sums: new Map() };
    blocks.set(key, waiting);
    const [oldest] = blocks.keys();
    if (blocks.size > MAX_COMPARED && oldest !== undefined) blocks.delete(oldest);
    return waiting;
  }

  return {
    findings,
    get differences() {
      return differences;
    },
    get comparedShare() {
      return handed === 0 ? 1 : compared / handed;
    },
    add(blocks) {
      for (const each of blocks) {
        const { room, block, numbers, count, sum } = each;
        const { sums } = waitingFor(each);
        handed += count;
        const key = numbers.join();
        const other = sums.get(key);
        if (other === undefined) {
          sums.set(key, { sum, count, isCompared: false });
          continue;
        }
        compared += count + (other.isCompared ? 0 : other.count);
        other.isCompared = true;
        if (other.sum === sum) continue;
        differences += 1;
        if (findings.length >= KEPT_FINDINGS) continue;
        const detail = `members of ${room} in two processes got different messages from ${block * BLOCK + 1} on`;
        findings.push({ kind: 'swapped', detail });
      }
    },
  };
}
