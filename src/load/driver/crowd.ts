import type { Histogram } from 'hdr-histogram-js';
import { type BlockComparison, createBlockComparison } from '../checker/live/room-blocks.ts';
import {
  addedFaults,
  addedSettled,
  addedWindows,
  type CrowdWindow,
  highestTops,
  mergedHistograms,
} from './crowd-windows.ts';
import { openDriverProcess } from './driver-process.ts';
import type {
  Answers,
  ClientSpec,
  ConnectOrder,
  DialectName,
  Order,
  RateOrder,
  Settled,
  TalkStyle,
} from './orders.ts';

export type { CrowdWindow } from './crowd-windows.ts';

const CONNECT_LIMIT_MS = 60_000;
const ANSWERS_LIMIT_MS = 15_000;
const DELIVERY_LIMIT_MS = 15_000;
/** The usual length of a message that a person writes. */
const TEXT_BYTES = 88;
const TIMED_ONE_IN = 16;
const IN_FLIGHT = 100;

export interface ConnectStyle
  extends Partial<TalkStyle>,
    Pick<ConnectOrder, 'perSecond' | 'returning' | 'namePrefix' | 'seed' | 'sharedRooms'> {
  /** Connections on their way at once. */
  readonly inFlight?: number;
  readonly limitMs?: number;
  /** The index of the process that gets a client; by its id if absent. */
  readonly processOf?: (client: ClientSpec) => number;
}

/** The clients of a run, in processes of their own. */
export interface Crowd {
  readonly pids: readonly number[];
  /** Resolves once all are in; rejects if one does not get in, unless they are `returning`. */
  connect(
    clients: readonly ClientSpec[],
    how?: ConnectStyle,
  ): Promise<{ joined: number; tookMs: number; joinUs: Histogram }>;
  /** Each speaker talks at a rate of its own. */
  talk(order: { perSecond: number; unacked: number; rooms?: readonly string[] }): Promise<void>;
  /** All speakers together talk at one rate. */
  rate(order: Omit<RateOrder, 'do'>): Promise<void>;
  /** Ends the common rate and waits for the answers to what was said. */
  pause(): Promise<void>;
  mark(): Promise<CrowdWindow>;
  /** Stops talking and waits until every member has everything that was acked. */
  settle(): Promise<Settled & { readonly unanswered: number }>;
  /** What the processes that share rooms got, compared up to the last mark. */
  readonly comparison: Omit<BlockComparison, 'add'>;
  /** The members of each room, as the server lists them and as they are. */
  members(rooms: readonly string[], limitMs: number): Promise<Answers['members']>;
  cut(): Promise<void>;
  stall(id: number): Promise<void>;
  /** True while the server keeps that client's connection. */
  connected(id: number): Promise<boolean>;
  pass(passing: { room: string; overMs: number; stayMs: number }): Promise<{ entered: number; left: number }>;
  close(): Promise<void>;
}

export async function openCrowd(dialectName: DialectName, processes: number): Promise<Crowd> {
  const drivers = await Promise.all(Array.from({ length: processes }, openDriverProcess));
  const comparison = createBlockComparison();
  const all = <D extends Order['do']>(order: Extract<Order, { do: D }>) =>
    Promise.all(drivers.map((driver) => driver.ask<D>(order)));
  /** The weights of the clients of each process: it gets that part of the common rate. */
  const weights = drivers.map(() => 0);
  /** Its clients that may leave: it gets that part of those who do. */
  const leavers = drivers.map(() => 0);

  async function connect(clients: readonly ClientSpec[], how: ConnectStyle = {}) {
    const { inFlight = IN_FLIGHT, textBytes = TEXT_BYTES, timedOneIn = TIMED_ONE_IN } = how;
    const {
      textSizes,
      kept,
      unacked,
      limitMs = CONNECT_LIMIT_MS,
      perSecond,
      returning,
      namePrefix,
      seed,
      sharedRooms,
    } = how;
    const processOf = how.processOf ?? (({ id }: ClientSpec) => id % processes);
    const answers = await Promise.all(
      drivers.map((driver, index) => {
        const own = clients.filter((client) => processOf(client) === index);
        weights[index] = own.reduce((sum, { talkWeight = 1 }) => sum + talkWeight, weights[index] as number);
        leavers[index] = (leavers[index] as number) + own.filter(({ stays }) => !stays).length;
        return driver.ask<'connect'>({
          do: 'connect',
          dialectName,
          clients: own,
          inFlight: Math.ceil(inFlight / processes),
          limitMs,
          talk: {
            textBytes,
            timedOneIn,
            ...(textSizes && { textSizes }),
            ...(kept && { kept }),
            ...(unacked && { unacked }),
          },
          ...(perSecond && { perSecond: (perSecond * own.length) / clients.length }),
          ...(returning && { returning }),
          ...(namePrefix !== undefined && { namePrefix }),
          ...(seed !== undefined && { seed }),
          ...(sharedRooms && { sharedRooms }),
        });
      }),
    );
    const joined = answers.reduce((sum, answer) => sum + answer.joined, 0);
    if (joined < clients.length && !returning) {
      const { words } = addedFaults(await all<'settle'>({ do: 'settle', tops: {}, limitMs: 0 }));
      throw new Error(`${joined} of ${clients.length} clients got in: ${words.join('; ')}`);
    }
    return {
      joined,
      tookMs: Math.max(...answers.map(({ tookMs }) => tookMs)),
      joinUs: mergedHistograms(answers.map(({ joinUs }) => joinUs)),
    };
  }

  async function settle() {
    const stopped = await all<'stop'>({ do: 'stop', limitMs: ANSWERS_LIMIT_MS });
    const tops = highestTops(stopped);
    const settled = addedSettled(await all<'settle'>({ do: 'settle', tops, limitMs: DELIVERY_LIMIT_MS }));
    const unanswered = stopped.reduce((sum, each) => sum + each.unanswered, 0);
    if (unanswered === 0) return { ...settled, unanswered };
    const words = [...settled.words, `${unanswered} messages were never answered`];
    return { ...settled, lost: settled.lost + unanswered, words, unanswered };
  }

  return {
    pids: drivers.map(({ pid }) => pid),
    connect,
    settle,
    comparison,
    async talk(order) {
      await all<'talk'>({ do: 'talk', ...order });
    },
    async rate({ perSecond, privateShare, churnPerS }) {
      await Promise.all(
        drivers.map((driver, index) =>
          driver.ask<'rate'>({
            do: 'rate',
            perSecond: perSecond * partOf(weights, index),
            privateShare,
            churnPerS: churnPerS * partOf(leavers, index),
          }),
        ),
      );
    },
    async pause() {
      await all<'pause'>({ do: 'pause', limitMs: ANSWERS_LIMIT_MS });
    },
    async mark() {
      const window = addedWindows(await all<'mark'>({ do: 'mark' }));
      comparison.add(window.blocks);
      return window;
    },
    async members(rooms, limitMs) {
      return (await all<'members'>({ do: 'members', rooms, limitMs })).flat();
    },
    async cut() {
      await all<'cut'>({ do: 'cut' });
    },
    async stall(id) {
      await drivers[id % processes]?.ask<'stall'>({ do: 'stall', id });
    },
    async connected(id) {
      return (await drivers[id % processes]?.ask<'connected'>({ do: 'connected', id }))?.connected ?? false;
    },
    async pass(passing) {
      const answers = await all<'pass'>({ do: 'pass', ...passing });
      return {
        entered: answers.reduce((sum, { entered }) => sum + entered, 0),
        left: answers.reduce((sum, { left }) => sum + left, 0),
      };
    },
    async close() {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

function partOf(all: readonly number[], index: number): number {
  const sum = all.reduce((total, each) => total + each, 0);
  return sum === 0 ? 0 : (all[index] as number) / sum;
}
