import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { createClient } from '../../src/client/index.ts';
import type { Joined, RoomMessage } from '../../src/protocol/rooms.ts';
import { openStage } from './stage.ts';

/** A way to replace the workers of one host under load. */
export type Change = 'reload' | 'stop and start';

export interface ReloadOptions {
  readonly change: Change;
  /** Processes that keep a core busy beside it. */
  readonly load: number;
  /** SDK clients, and as many stock ones, on all workers. */
  readonly clients: number;
}

export interface ReloadResult extends ReloadOptions {
  readonly seconds: number;
  readonly said: number;
  /** The longest time between two messages that one client of the kind received. */
  readonly silenceMs: { readonly sdk: number; readonly stock: number };
  readonly lost: number;
  readonly repeated: number;
  /** `join` and `broadcast_quit`, of anybody, that a member on the other host heard. */
  readonly presenceEvents: number;
}

const SAY_EVERY_MS = 50;
const CALM_MS = 3_000;
const SETTLED_LIMIT_MS = 60_000;

/** The messages that one client received of the room, by number. */
interface Listener {
  readonly kind: 'sdk' | 'stock';
  readonly seqs: number[];
  readonly at: number[];
  close(): void;
}

/**
 * Two hosts of two workers behind nginx. The first one gets new workers while a writer on the second says 20 messages a
 * second into a room that all clients are in. Stock clients resume by `auth.resume`, as one does that wants to lose nothing.
 */
export async function runReload(options: ReloadOptions): Promise<ReloadResult> {
  const { change, load, clients } = options;
  const stage = await openStage('roomcast');
  const listeners = Array.from({ length: 2 * clients }, (_, n) =>
    (n % 2 === 0 ? openSdk : openStock)(stage.urls[n % stage.urls.length] as string, `client-${n}`),
  );
  const writer = createClient(stage.workerUrls.at(-1) as string, { userId: 'writer' });
  const room = await writer.join('reload');
  let presenceEvents = 0;
  room.on('presence', () => {
    presenceEvents += 1;
  });
  const busy: ChildProcess[] = [];
  try {
    await until(
      () =>
        listeners.every(({ at }) => at.length > 0) || void room.say('is everybody there?').catch(() => {}),
    );
    presenceEvents = 0;
    for (const { seqs, at } of listeners) {
      seqs.length = 0;
      at.length = 0;
    }
    for (let n = 0; n < load; n += 1)
      busy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    const said: number[] = [];
    const saying = setInterval(
      () =>
        room.say('tick').then(
          ({ seq }) => said.push(seq),
          // Closed before its ack: the run has ended.
          () => {},
        ),
      SAY_EVERY_MS,
    );
    await pause(CALM_MS);
    const startedAt = performance.now();
    if (change === 'reload') await stage.reload(0);
    else {
      await stage.shutDown(0);
      await stage.startUp(0);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    await pause(2 * CALM_MS);
    clearInterval(saying);
    await until(() => {
      const last = Math.max(...said);
      return said.length > 0 && listeners.every(({ seqs }) => seqs.includes(last));
    });
    return { ...options, seconds, said: said.length, presenceEvents, ...judge(listeners, said) };
  } finally {
    for (const child of busy) child.kill('SIGKILL');
    for (const listener of listeners) listener.close();
    writer.close();
    await stage.stop();
  }
}

function judge(listeners: readonly Listener[], said: readonly number[]) {
  const silenceOf = (kind: Listener['kind']) =>
    Math.max(
      ...listeners
        .filter((one) => one.kind === kind)
        .flatMap(({ at }) => at.slice(1).map((time, index) => time - (at[index] as number))),
    );
  const sum = (of: (one: Listener) => number) => listeners.reduce((total, one) => total + of(one), 0);
  return {
    silenceMs: { sdk: silenceOf('sdk'), stock: silenceOf('stock') },
    lost: sum(({ seqs }) => said.filter((seq) => !seqs.includes(seq)).length),
    repeated: sum(({ seqs }) => seqs.length - new Set(seqs).size),
  };
}

async function until(done: () => unknown): Promise<void> {
  const giveUpAt = performance.now() + SETTLED_LIMIT_MS;
  while (!(await done())) {
    if (performance.now() > giveUpAt) throw new Error('not settled in time');
    await pause(100);
  }
}

function openSdk(url: string, userId: string): Listener {
  const seqs: number[] = [];
  const at: number[] = [];
  const client = createClient(url, { userId, transports: ['websocket'] });
  client.enter('reload').on('message', ({ seq }) => {
    seqs.push(seq);
    at.push(performance.now());
  });
  return { kind: 'sdk', seqs, at, close: () => client.close() };
}

function openStock(url: string, username: string): Listener {
  const seqs: number[] = [];
  const at: number[] = [];
  let resume: { epoch: string; seq: number } | undefined;
  const socket: Socket = io(url, {
    forceNew: true,
    transports: ['websocket'],
    query: { roomid: 'reload', username },
    auth: (give) => give({ userId: username, resume }),
  });
  const take = (message: RoomMessage) => {
    if (message.event !== 'broadcast_say') return;
    resume = { epoch: message.epoch, seq: message.seq };
    seqs.push(message.seq);
    at.push(performance.now());
  };
  socket.on('message', take);
  socket.on('joined', ({ messages, epoch, seq, recovered }: Joined) => {
    if (recovered) for (const message of messages) take(message);
    resume = { epoch, seq };
  });
  return { kind: 'stock', seqs, at, close: () => socket.close() };
}
