import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFeeds, type Feeds } from '../../src/chat/feeds.ts';
import type { Entry } from '../../src/chat/log-store.ts';
import { createMessageChanges, type MessageChanges } from '../../src/chat/message-changes.ts';
import { extendPage, type JoinPage, readLatest, readResumed } from '../../src/chat/pages.ts';
import type { Room } from '../../src/chat/room.ts';
import { createRandom, type Random } from '../../src/load/random.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { fold, foldEntries, withoutContent } from '../../src/protocol/folding.ts';
import type { ChatMessage, EditedMessage, RoomEntry } from '../../src/protocol/rooms.ts';
import { messageOf, messagesOf } from '../../src/server/delivery/messages.ts';
import { storeMessage } from '../../src/server/events/outgoing-message.ts';
import { deletion, edit, reaction } from '../../src/server/message-decisions.ts';
import { granted, newRoom, range, seqsOf } from '../contract/peers.ts';
import type { Harness, StorePeer } from '../contract/suite.ts';
import { eventually } from '../support/eventually.ts';
import type { SeededCase } from '../support/seed.ts';

/*
 * People say, answer, edit, delete and react at random, on workers that die over a store that restarts, while others lose
 * their connections, resume, and join late. Whatever happened, everybody's messages are what the log says.
 */

const USERS = ['ann', 'bob', 'carol', 'dave', 'eve'];
const REACTIONS = ['👍', '❤', '__proto__'];
const STEPS_AT_ONCE = 8;
const HISTORY_SIZE = 30;
const log = pino({ level: 'silent' });

interface Worker {
  readonly peer: StorePeer;
  readonly feeds: Feeds;
  readonly changes: MessageChanges;
  readonly members: Set<Member>;
  dead: boolean;
}

/** A client that applies what it receives, as the SDK and an application do. */
interface Member {
  readonly entries: Map<number, RoomEntry>;
  position: { epoch: string; seq: number } | undefined;
  worker: Worker | undefined;
  /** Everything from here on has reached it. */
  from: number;
}

export interface MessageModel {
  readonly steps: number;
  readonly cases: readonly SeededCase[];
}

export function messageModel(
  name: string,
  harness: () => Promise<Harness<StorePeer>>,
  { steps, cases }: MessageModel,
) {
  describe(`messages that change at random in the ${name} store`, () => {
    it.each(cases)('are the same for everybody (seed $seed)', async ({ seed }) => {
      const store = await harness();
      onTestFinished(() => store.close());
      await runMessages(store, createRandom(seed), steps);
    });
  });
}

async function runMessages(store: Harness<StorePeer>, random: Random, steps: number): Promise<void> {
  const room = newRoom();
  let ids = 0;
  const newId = () => {
    ids += 1;
    return `id-${ids}`;
  };
  let workers: Worker[] = [];
  const members: Member[] = [];
  /** The entries as they were published. */
  const published = new Map<number, RoomEntry>();

  async function openWorker(): Promise<Worker> {
    const peer = await store.open({ historySize: HISTORY_SIZE });
    const hearing = new Set<Member>();
    const feeds = createFeeds({
      logs: peer.logs,
      bus: peer.bus,
      deliver(_, entry) {
        // As its text reaches clients.
        for (const member of hearing) receive(member, JSON.parse(entry.json) as RoomEntry);
        note(entry);
      },
      onGap: (_, { to }) => {
        for (const member of hearing) member.from = to + 1;
      },
      onPresence: () => undefined,
      log,
    });
    const changes = createMessageChanges({ logs: peer.logs, feeds, newId });
    const worker = { peer, feeds, changes, members: hearing, dead: false };
    workers.push(worker);
    return worker;
  }

  /** A feed that repairs itself reads entries in a later form. */
  function note(entry: Entry): void {
    if (entry.utf8 !== undefined || !published.has(entry.seq)) published.set(entry.seq, messageOf(entry));
  }

  function receive(member: Member, entry: RoomEntry): void {
    const { epoch, seq } = entry;
    if (member.position) expect(seq).toBe(member.position.seq + 1);
    member.position = { epoch, seq };
    apply(member, entry);
  }

  function apply({ entries }: Member, entry: RoomEntry): void {
    entries.set(entry.seq, entry);
    for (const [seq, known] of entries) {
      if (known.event === 'broadcast_say') entries.set(seq, fold(known, entry));
      else if (known.event === 'edited' && replaces(entry, known)) entries.set(seq, withoutContent(known));
    }
  }

  async function attach(member: Member, worker: Worker): Promise<void> {
    const lease = await worker.feeds.lease(room);
    if (!lease.ok || worker.dead) return;
    const { position } = member;
    const read = () =>
      position
        ? readResumed(worker.peer.logs, room, position, { messages: HISTORY_SIZE, latest: 10 })
        : readLatest(worker.peer.logs, room, 10);
    await worker.feeds.attach<JoinPage, void>(room, read, (page, since) => {
      if (worker.dead) return;
      const { seq, entries } = extendPage(page, since, 10);
      const messages = messagesOf(entries);
      if (!page.recovered) {
        member.entries.clear();
        member.from = messages[0]?.seq ?? seq + 1;
      }
      for (const message of messages) apply(member, message);
      member.position = { epoch: page.epoch, seq };
      member.worker = worker;
      worker.members.add(member);
    });
  }

  function cut(member: Member): void {
    member.worker?.members.delete(member);
    member.worker = undefined;
  }

  async function kill(worker: Worker): Promise<void> {
    worker.dead = true;
    for (const member of worker.members) cut(member);
    workers = workers.filter((one) => one !== worker);
    worker.feeds.close();
    await worker.peer.close();
  }

  /** One attempt of a member at a time, as of a client. */
  const attaching = new Set<Member>();
  async function join(member?: Member): Promise<void> {
    const joining = member ?? { entries: new Map(), position: undefined, worker: undefined, from: 1 };
    if (!member) members.push(joining);
    if (attaching.has(joining)) return;
    attaching.add(joining);
    await attach(joining, random.one(workers));
    attaching.delete(joining);
  }

  const author = (userId: string) => ({ userId, username: userId.toUpperCase() });

  async function say(top: number): Promise<void> {
    const { peer, feeds, changes } = random.one(workers);
    const userId = random.one(USERS);
    await storeMessage(
      {
        logs: peer.logs,
        feeds,
        changes,
        mentions: { storing: (_message, append) => append(newId()) },
        newId,
        metrics: { said: () => undefined },
        limits: { maxTextBytes: 1_000 },
      },
      {
        room,
        from: author(userId),
        text: `text ${ids}`,
        type: 0,
        data: random.chance(0.2) ? '{"a":[1,{"b":null}]}' : undefined,
        replyTo: random.chance(0.2) ? target(top) : undefined,
        clientMsgId: undefined,
        scope: userId,
      },
    );
  }

  /** Mostly a new one, on which changes meet. */
  const target = (top: number) => Math.max(1, top - random.below(random.chance(0.8) ? 5 : 40));

  async function change(top: number): Promise<void> {
    const { changes } = random.one(workers);
    const by = author(random.one(USERS));
    const changing = { roomid: room.roomid, by };
    const decide = random.one([
      () =>
        edit({
          ...changing,
          own: random.chance(0.5),
          clientMsgId: undefined,
          ...random.one([{ text: `edited ${ids}` }, { data: `{"edited":${ids}}` }]),
        }),
      () => deletion({ ...changing, own: random.chance(0.8) }),
      () => reaction({ ...changing, reaction: random.one(REACTIONS), on: random.chance(0.7) }),
      () => reaction({ ...changing, reaction: random.one(REACTIONS), on: true }),
    ])();
    const dedupe = random.chance(0.3)
      ? { scope: by.userId, clientMsgId: `m-${random.below(20)}` }
      : undefined;
    await changes.apply({ room, seq: target(top), decide, ...(dedupe && { dedupe }) });
  }

  async function step(top: number): Promise<void> {
    const cuttable = members.filter(({ worker }) => worker);
    const away = members.filter(({ worker }) => !worker);
    const draw = random.below(100);
    if (draw < 35) await say(top);
    else if (draw < 80) await change(top);
    else if (draw < 87 && cuttable.length > 1) cut(random.one(cuttable));
    else if (draw < 95 && away.length > 0) await join(random.one(away));
    else if (members.length < 12) await join();
  }

  for (let worker = 0; worker < 2; worker += 1) await openWorker();
  await join();
  const topOf = async () => {
    const [{ peer }] = workers as [Worker];
    return (await answered(() => peer.logs.tops([room])))[0]?.top ?? 0;
  };
  for (let done = 0; done < steps; done += STEPS_AT_ONCE) {
    const top = await topOf();
    await Promise.all(range(1, STEPS_AT_ONCE).map(() => step(top)));
    if (random.chance(0.08)) {
      await kill(random.one(workers));
      await openWorker();
    } else if (random.chance(0.03)) {
      for (const worker of workers) worker.dead = true;
      for (const member of members) cut(member);
      for (const { feeds } of workers) feeds.close();
      workers = [];
      await store.restart();
      for (let worker = 0; worker < 2; worker += 1) await openWorker();
    }
  }
  await join();
  for (const member of members) {
    await eventually(async () => {
      if (!member.worker) await join(member);
      expect(member.worker).toBeDefined();
    });
  }
  await check(room, workers[0] as Worker, members, published);
}

/** A store on a busy machine may refuse for a moment. */
function answered<T>(ask: () => Promise<Outcome<T>>): Promise<T> {
  return eventually(async () => granted(await ask()));
}

function replaces(entry: RoomEntry, { ref, seq }: EditedMessage): boolean {
  return (entry.event === 'edited' || entry.event === 'deleted') && entry.ref === ref && entry.seq > seq;
}

async function check(
  room: Room,
  { peer }: Worker,
  members: readonly Member[],
  published: ReadonlyMap<number, RoomEntry>,
): Promise<void> {
  const page = await answered(() => peer.logs.read(room, { after: 0, limit: 10_000, maxBytes: 100_000_000 }));
  expect(seqsOf(page.entries)).toEqual(range(page.first, page.top));
  const messages = messagesOf(page.entries);
  // The stored forms miss nothing that the entries after them say.
  expect(messages).toEqual(page.entries.map(messageOf));
  for (const member of members) {
    await eventually(() => expect(member.position).toEqual({ epoch: page.epoch, seq: page.top }));
    const expected = messages.filter(({ seq }) => seq >= member.from);
    expect(expected.map(({ seq }) => member.entries.get(seq))).toEqual(expected);
  }
  const texts = messages.flatMap((entry) => {
    if (entry.event !== 'edited') return [];
    const [target] = messages.filter(({ seq }) => seq === entry.ref) as ChatMessage[];
    return target && target.edited?.seq !== entry.seq ? [entry.data] : [];
  });
  // Only the newest edit of a message that is not deleted still has a text.
  expect(texts.filter((data) => Object.keys(data).length > 0)).toEqual([]);
  // The published entries, folded, give what the store made of them. Some may have reached nobody.
  const heard = range(1, page.top).flatMap((seq) => published.get(seq) ?? []);
  if (heard.length < page.top) return;
  const folded = new Map(foldEntries(heard).map((entry) => [entry.seq, entry]));
  expect(messages.map(({ seq }) => folded.get(seq) as ChatMessage)).toEqual(messages);
}
