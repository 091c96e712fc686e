import { entryDigest } from '../../../src/chat/entry-digest.ts';
import { announcementsOf, inboxOf, type Room, roomOf } from '../../../src/chat/room.ts';
import { createRandom, type Random } from '../../../src/load/random.ts';
import { granted } from '../../contract/peers.ts';
import type { Peer } from '../../contract/suite.ts';

export const NAMESPACES = ['/', '/team'];

const ROOM_IDS = ['tea', '__proto__', 'ünder {braces} #1', 'quiet'];
const USERS = ['ann', 'bob', '__proto__', 'carol with a space', 'ünï:ban#x'];
const PUSHES = ['push-1', 'push 2'];
const IDS = Array.from({ length: 12 }, (_, number) => `m-${number}`);
const CLAIMS = ['claim-1', 'claim-2', 'claim-3'];

export const ROOMS = NAMESPACES.flatMap((nsp) => ROOM_IDS.map((id) => roomOf(nsp, id)));
export const INBOXES = NAMESPACES.flatMap((nsp) => USERS.map((id) => inboxOf(nsp, id)));
const NEWS = NAMESPACES.map(announcementsOf);
const LOGS = [...ROOMS, ...INBOXES, ...NEWS];

/** Does everything that changes a store, at random. */
export async function fillAtRandom(peer: Peer, seed: number, steps: number): Promise<void> {
  const random = createRandom(seed);
  let made = 0;
  const id = () => `id-${seed}-${made++}`;
  const changes: ((random: Random) => Promise<unknown>)[] = [
    ...Array.from({ length: 6 }, () => say),
    ...Array.from({ length: 3 }, () => send),
    change,
    react,
    announce,
    raise,
    restrict,
    block,
    note,
    subscribe,
    push,
    claim,
    erase,
  ];
  const some = <T>(of: readonly T[]) => random.one(of);
  const seqIn = async (room: Room) => {
    const [end] = granted(await peer.logs.tops([room]));
    return 1 + random.below(end?.top ?? 1);
  };

  function members(text: string, user: string, clientMsgId?: string): string {
    const said = { event: 'broadcast_say', clientMsgId, data: { userId: user, text } };
    return JSON.stringify(said).slice(1, -1);
  }

  async function say() {
    const room = some(ROOMS);
    const user = some(USERS);
    const clientMsgId = some(IDS);
    await peer.logs.append(room, {
      id: id(),
      members: members(`text ${made} \u{1F375} "quoted"`, user, clientMsgId),
      reader: inboxOf(room.nsp, user).tag,
      ...(random.chance(0.7) && { dedupe: { scope: `user ${user}`, clientMsgId, content: `c${made % 2}` } }),
      ...(random.chance(0.3) && { author: user }),
      ...(random.chance(0.2) && { except: `socket-${made}` }),
    });
  }

  async function send() {
    const inbox = some(INBOXES);
    const dedupe = { scope: `user ${some(USERS)}`, clientMsgId: some(IDS) };
    granted(await peer.logs.append(inbox, { id: id(), members: `"kind":"private","data":${made}`, dedupe }));
  }

  async function change() {
    const room = some(ROOMS);
    const notice = { id: id(), members: '"event":"deleted"' };
    granted(
      await peer.logs.replace(
        room,
        await seqIn(room),
        members('', some(USERS)),
        random.chance(0.8) ? notice : undefined,
      ),
    );
  }

  async function react() {
    const room = some(ROOMS);
    const { entries } = granted(await peer.logs.read(room, { limit: 1, maxBytes: 1e6 }));
    const [{ seq, json } = { seq: 0, json: '' }] = entries;
    const reaction = { seq, was: entryDigest(json), beside: `"n":${made}`, stamp: 'revision' } as const;
    granted(await peer.logs.amend(room, reaction, { id: id(), members: '"event":"reacted"' }));
  }

  async function announce() {
    const news = some(NEWS);
    const { epoch, seq } = granted(await peer.logs.append(news, { id: id(), members: '"kind":"news"' }));
    const inbox = some(INBOXES.filter(({ nsp }) => nsp === news.nsp));
    const was = granted(await peer.inboxes.markers(inbox)).announcements;
    const draft = { id: id(), members: '"kind":"announcement"' };
    granted(await peer.inboxes.appendAnnouncement(inbox, draft, { was, becomes: { epoch, seq } }));
  }

  async function raise() {
    const inbox = some(INBOXES);
    const to = { [some(['sent', 'recv', 'read'])]: await seqIn(inbox) };
    granted(await peer.inboxes.raise(inbox, to));
  }

  async function restrict() {
    const [room, user, kind] = [some(ROOMS), some(USERS), some(['ban', 'mute'] as const)];
    if (random.chance(0.3)) granted(await peer.moderation.lift(room, user, kind));
    else granted(await peer.moderation.restrict(room, user, kind, random.chance(0.5) ? 5_000 : undefined));
  }

  async function block() {
    const keptS = random.chance(0.5) ? 5_000 : undefined;
    granted(await peer.blocks.set(some(INBOXES), some(USERS), random.chance(0.8), keptS));
  }

  async function note() {
    const { nsp, roomid } = some(ROOMS);
    const noted = { nsp, roomid, id: id(), by: 'worker' };
    granted(await peer.mentionNotes.add(noted));
    if (random.chance(0.5)) granted(await peer.mentionNotes.remove(noted));
  }

  async function subscribe() {
    const inbox = some(INBOXES);
    const room = some(ROOMS.filter(({ nsp }) => nsp === inbox.nsp));
    const { roomSubscriptions } = peer;
    if (random.chance(0.4)) {
      const seq = await seqIn(room);
      granted(await roomSubscriptions.raiseReadMarker(inbox, room.roomid, seq));
      granted(await peer.roomReaders.raise(room, inbox.tag, seq));
    } else granted(await roomSubscriptions.set(inbox, room.roomid, random.chance(0.8), await seqIn(room)));
  }

  async function push() {
    const epoch = random.chance(0.5) ? { epoch: 'e' } : {};
    const users = USERS.filter(() => random.chance(0.5));
    const positions = users.map((userId) => ({ userId, seq: 3, at: 1_000, ...epoch }));
    granted(await peer.pushes.save(some(PUSHES), { nsp: '/', positions }));
  }

  async function claim() {
    const key = some(CLAIMS);
    // A move leaves out attempts under way, so each one is ended.
    const attempt = id();
    const claimed = granted(await peer.idempotency.claim(key, 'print', attempt));
    if (claimed.state !== 'granted') return;
    const answer = random.chance(0.7) ? `{"answer":${made}}` : undefined;
    granted(await peer.idempotency.complete(key, attempt, answer));
  }

  async function erase() {
    if (random.chance(0.3)) granted(await peer.inboxes.erase(some(INBOXES)));
  }

  for (let step = 0; step < steps; step += 1) await some(changes)(random);
}

/**
 * Everything that the contract reads, by what was asked. `moved`: a store that took the logs over begins an epoch in each when it
 * is first read, which stands for nothing that the other store had.
 */
export async function readAll(
  peer: Peer,
  { moved }: { readonly moved: boolean },
): Promise<Record<string, unknown>> {
  const { logs, inboxes, moderation, roomSubscriptions, pushes, idempotency } = peer;
  const found: Record<string, unknown> = { secret: granted(await peer.secret()) };
  for (const [index, inbox] of INBOXES.entries()) {
    const { markers, progress } = inboxes;
    const rooms = ROOMS.filter(({ nsp }) => nsp === inbox.nsp);
    const listed = granted(await roomSubscriptions.list(inbox));
    const readOf = (roomid: string) => listed.find((one) => one.roomid === roomid)?.read ?? 0;
    found[`inbox ${index}`] = {
      markers: granted(await markers(inbox)),
      progress: granted(await progress([1, 2, 3, 5, 8].map((seq) => ({ inbox, seq })))),
      listed,
      blocked: granted(await peer.blocks.list(inbox)),
      unread: granted(
        await logs.unread(rooms.map((room) => ({ room, reader: inbox.tag, read: readOf(room.roomid) }))),
      ),
    };
  }
  for (const [index, room] of LOGS.entries()) {
    const [end] = granted(await logs.tops([room]));
    const queries = [{}, { after: 0 }, { after: 7 }, { before: 9 }, { after: end?.top ?? 0 }];
    const pages = [];
    for (const query of queries) {
      const page = granted(await logs.read(room, { limit: 12, maxBytes: 4_000, ...query }));
      const { epoch, previousEpochs, entries, ...rest } = page;
      // Where the members of an entry stand may differ.
      const joined = entries.map(({ hasBeside: _, ...entry }) => entry);
      // A store that takes a log over begins an epoch: what was the present one is the last of the previous ones then.
      const own = moved ? [] : [{ epoch, upTo: page.top }];
      pages.push({ ...rest, entries: joined, epochs: page.top === 0 ? [] : [...previousEpochs, ...own] });
    }
    found[`log ${index}`] = { top: end?.top, pages };
    const known = await Promise.all(
      USERS.flatMap((user) =>
        IDS.map((clientMsgId) => logs.known(room, { scope: `user ${user}`, clientMsgId })),
      ),
    );
    found[`known ${index}`] = known.map(granted);
  }
  for (const [index, room] of ROOMS.entries()) {
    const readers = INBOXES.filter(({ nsp }) => nsp === room.nsp).map(({ tag }) => tag);
    found[`marks ${index}`] = granted(await peer.roomReaders.marks(room, readers));
    for (const user of USERS) {
      found[`restrictions ${index} ${user}`] = granted(await moderation.restrictions(room, user));
    }
  }
  for (const id of [...PUSHES, 'unknown']) {
    const push = granted(await pushes.find(id));
    found[`push ${id}`] = push && { ...push, positions: byUser(push.positions) };
  }
  const notes = granted(await peer.mentionNotes.due(0, 1_000));
  found.mentions = [...notes].sort((one, other) => (one.id < other.id ? -1 : 1));
  // Last: a claim that is free is taken by asking.
  for (const key of CLAIMS) {
    const { state, ...more } = granted(await idempotency.claim(key, 'print', 'asked'));
    found[`claim ${key}`] = { state, ...('answer' in more && { answer: more.answer }) };
    granted(await idempotency.complete(key, 'asked'));
  }
  return found;
}

function byUser<T extends { readonly userId: string }>(positions: readonly T[]): T[] {
  return [...positions].sort((one, other) => (one.userId < other.userId ? -1 : 1));
}
