import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/protocol/rooms.ts';
import { connect, enter } from '../support/member.ts';
import { openRawClient, type RawAck, type RawClient } from '../support/raw-client.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const FLOODERS = 8;
const EACH = 1_500;
const MOST = 64 * EACH;

describe.each(MODES)('more than the cluster can take, %s', (mode) => {
  let system: System;
  let clients: RawClient[] = [];
  let pids: readonly number[];
  beforeAll(async () => {
    // A flooder reads nothing while it sends, and is to be answered, not closed as too slow.
    system = await startSystem(mode, { RATE_SAY: '0', MAX_BUFFERED_BYTES: '33554432' });
    pids = await workerPids();
  });
  afterEach(() => {
    for (const client of clients) client.close();
    clients = [];
  });
  afterAll(() => system?.stop());

  async function workerPids(): Promise<number[]> {
    const statuses = await Promise.all(system.hosts.map((host) => host.status()));
    return statuses.flatMap(({ workers }) => workers.map(({ pid }) => pid));
  }

  async function flooder(index: number, roomid: string): Promise<RawClient> {
    const url = system.workerUrls[index % system.workerUrls.length] as string;
    const name = `flooder-${index}`;
    const client = openRawClient(url, { query: { roomid, username: name }, auth: { userId: name } });
    clients.push(client);
    await client.hear('joined');
    return client;
  }

  function isOk(ack: RawAck | undefined): ack is Extract<RawAck, { ok: true }> {
    return ack?.ok === true;
  }

  /** What was offered is answered: done, or to be asked for again after a time. Answers how much was refused. */
  function refusedOf(acks: readonly (RawAck | undefined)[]): number {
    const refused = acks.filter((ack) => !isOk(ack));
    const answers = new Set(refused.map((ack) => (ack?.ok === false ? ack.error.code : 'not answered')));
    expect([...answers].filter((answer) => answer !== 'rate_limited')).toEqual([]);
    for (const ack of refused) {
      expect(ack).toMatchObject({ error: { temporary: true, retryAfterMs: expect.any(Number) } });
      expect(ack?.ok === false && ack.error.retryAfterMs).toBeGreaterThan(0);
    }
    return refused.length;
  }

  /**
   * Asks by all of them for more and more at once, until some of it is refused: machines differ in how much they take. Answers
   * the acks of each, in the order of its requests.
   */
  async function untilRefused(
    flooders: readonly RawClient[],
    ask: (client: RawClient, from: number, n: number) => Promise<RawAck | undefined>,
  ): Promise<(RawAck | undefined)[][]> {
    const acks = flooders.map((): (RawAck | undefined)[] => []);
    for (let each = EACH; each <= MOST; each *= 2) {
      const round = await Promise.all(
        flooders.map((client, from) => {
          const before = acks[from]?.length ?? 0;
          return Promise.all(Array.from({ length: each }, (_, n) => ask(client, from, before + n)));
        }),
      );
      for (const [from, own] of round.entries()) acks[from]?.push(...own);
      if (refusedOf(round.flat()) > 0) return acks;
    }
    throw new Error(`nothing was refused of ${acks.flat().length} requests`);
  }

  async function expectAllWell(): Promise<void> {
    expect(await workerPids()).toEqual(pids);
    const [ann, bob] = await Promise.all(
      [0, 1].map((index) => enter(system.entrances[index] as string, `after-${mode}`, `guest${index}`)),
    );
    await ann?.do('say', { text: 'all is well' });
    await bob?.do('say', { text: 'yes' });
    for (const member of [ann, bob]) {
      await expect.poll(() => member?.said.map(({ data }) => data.text)).toEqual(['all is well', 'yes']);
      member?.close();
    }
  }

  it('is refused early, acked messages arrive in order, and the same ids find them again', async () => {
    const rooms = ['flood-a', 'flood-b'];
    const listeners = await Promise.all(
      rooms.map((roomid) => enter(system.entrances[0] as string, roomid, 'L')),
    );
    const flooders = await Promise.all(
      Array.from({ length: FLOODERS }, (_, index) => flooder(index, rooms[index % 2] as string)),
    );
    const say = (client: RawClient, from: number, n: number) =>
      client.ask('say', { text: `${from}/${n}`, clientMsgId: `${from}-${n}` });
    const acks = await untilRefused(flooders, say);
    const stored = acks.flat().filter(isOk);
    expect(stored.length).toBeGreaterThan(0);

    for (const [index, listener] of listeners.entries()) {
      const ackedSeqs = stored
        .filter(({ roomid }) => roomid === rooms[index])
        .map(({ seq }) => seq as number)
        .sort((a, b) => a - b);
      await expect.poll(() => listener.said.length).toBe(ackedSeqs.length);
      // Nothing that was refused was stored, and what was stored came in its order, each once.
      expect(listener.said.map(({ seq }) => seq)).toEqual(ackedSeqs);
    }
    for (const own of acks) {
      const seqs = own.filter(isOk).map(({ seq }) => seq as number);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    }

    // Again, as a client does: what was acked is known, what was refused is stored now.
    for (const [from, client] of flooders.entries()) {
      const known = acks[from]?.findIndex(isOk) ?? -1;
      const lost = acks[from]?.findIndex((ack) => !isOk(ack)) ?? -1;
      if (known >= 0) expect(await say(client, from, known)).toEqual({ ...acks[from]?.[known], dup: true });
      if (lost >= 0) expect(await say(client, from, lost)).toMatchObject({ ok: true });
    }
    for (const listener of listeners) {
      const ids = (listener.said as ChatMessage[]).map(({ clientMsgId }) => clientMsgId);
      expect(new Set(ids).size).toBe(ids.length);
      listener.close();
    }
    await expectAllWell();
  });

  it('of one client does not delay another', async () => {
    const flood = await flooder(0, 'greedy');
    const polite = await enter(system.workerUrls[0] as string, 'polite', 'Ann');
    let answered = 0;
    const flooded = Array.from({ length: 16 * EACH }, async () => {
      const ack = await flood.ask('say', { text: 'me' });
      answered += 1;
      return ack;
    });
    for (let count = 0; count < 20; count += 1) await polite.do('say', { text: 'me too' });
    // All of it was sent before: in one queue, the polite ones would have been the last.
    expect(answered).toBeLessThan(16 * EACH);
    refusedOf(await Promise.all(flooded));
    polite.close();
  });

  it('of direct messages, todos, joins and page reads is refused the same way', async () => {
    const kinds: readonly (readonly [string, (n: number) => object])[] = [
      // Somebody who was never there takes a few items only.
      ['private', (n) => ({ to: `nobody-${n}`, text: 'hello' })],
      ['todo', (n) => ({ receiver_id: `no-one-${n}`, what: n })],
      ['join', (n) => ({ roomid: `many-${n % 40}` })],
      ['room:history', () => ({ limit: 50 })],
      ['inbox:list', () => ({})],
    ];
    const flooders = await Promise.all(kinds.map((_, index) => flooder(index, 'all-sorts')));
    const acks = await untilRefused(flooders, (client, index, n) => {
      const [event, payload] = kinds[index] as (typeof kinds)[number];
      return client.ask(event, payload(n));
    });
    for (const own of acks) expect(own.some(isOk)).toBe(true);
    await expectAllWell();
  });

  it('of pushes and messages of back ends is answered 429 with a retry time', async () => {
    const url = system.workerUrls[0] as string;
    const users = Array.from({ length: 200 }, (_, index) => `device-${index}`);
    const post = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json', ...system.keyHeader };
      const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      const { status } = response;
      return { status, after: Number(response.headers.get('retry-after')), body: await response.json() };
    };
    const member = await connect(url);
    const flood = await flooder(0, 'beside');
    const beside = Promise.all(Array.from({ length: 2 * EACH }, () => flood.ask('say', { text: 'beside' })));
    const answers = await Promise.all([
      ...Array.from({ length: 100 }, () => post('/api/v1/push', { users, data: {} })),
      ...Array.from({ length: 200 }, () => post('/api/v1/rooms/beside/messages', { text: 'hello' })),
    ]);
    refusedOf(await beside);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeLessThan(answers.length);
    for (const one of refused) {
      expect(one).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } });
      expect(one.after).toBeGreaterThan(0);
    }
    for (const { status, body } of answers) {
      const reached = status === 200 && 'reach' in body ? Object.values(body.reach as object) : [];
      expect(reached.filter(({ stored }) => !stored)).toEqual([]);
    }
    member.close();
    await expectAllWell();
  });
});
