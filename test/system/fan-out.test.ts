import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { connectLegacy, type LegacyOptions, type LegacySocket } from '../support/legacy-client.ts';
import type { Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const MESSAGES = 400;
const AT_ONCE = 50;
const LIMIT = { timeout: 60_000, interval: 20 };

/** Every way a stock client may be linked; the last two are of the sources' time. */
const LINKS = [
  ['websocket', { transports: ['websocket'] }, 12],
  ['polling', { transports: ['polling'] }, 3],
  ['polling, then upgraded', { transports: ['polling', 'websocket'] }, 5],
  ['2.x websocket', { transports: ['websocket'] }, 2],
  ['2.x polling, then upgraded', { transports: ['polling', 'websocket'] }, 2],
] as const;

interface Hearer {
  readonly link: string;
  readonly said: readonly ChatMessage[];
  close(): void;
}

describe.each(MODES)('a room with messages faster than its writes, %s', (mode) => {
  const { at, enter } = systemFixture(mode, { RATE_SAY: '0', ALLOW_EIO3: 'on' }, { workersEach: 1 });

  async function hearer(index: number, link: string, options: LegacyOptions): Promise<Hearer> {
    const name = `h${index}`;
    if (!link.startsWith('2.x')) {
      const member = await enter(at(index), 'hot', name, options as object);
      return { link, said: member.said, close: member.close };
    }
    const query = { roomid: 'hot', username: name };
    const socket: LegacySocket = connectLegacy(at(index), { ...options, query });
    const said: ChatMessage[] = [];
    socket.on('message', (message) => {
      if ((message as ChatMessage).event === 'broadcast_say') said.push(message as ChatMessage);
    });
    await new Promise<void>((resolve) => void socket.once('joined', () => resolve()));
    return { link, said, close: () => void socket.disconnect() };
  }

  /** So many at once, without waiting for acks, as the door lets in on a slow machine too. */
  async function sayAll(member: Member, payload: object): Promise<void> {
    for (let n = 0; n < MESSAGES; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => member.do('say', { text: 'hot', ...payload })));
    }
  }

  it('delivers in one order and once to every kind of connection, except echoes that the sender declined', async () => {
    const kinds = LINKS.flatMap(([link, options, count]) =>
      Array.from({ length: count }, () => [link, options] as const),
    );
    const hearers = await Promise.all(kinds.map(([link, options], n) => hearer(n, link, options)));
    const [loud, silent] = await Promise.all([enter(at(0), 'hot', 'loud'), enter(at(1), 'hot', 'silent')]);
    await Promise.all([sayAll(loud, {}), sayAll(silent, { echo: false })]);
    const all = 2 * MESSAGES;
    for (const { link, said } of [...hearers, { link: 'loud', said: loud.said }]) {
      await eventually(() => expect([link, said.length]).toEqual([link, all]), LIMIT);
      expect([link, said.map(({ seq }) => seq)]).toEqual([
        link,
        Array.from({ length: all }, (_, n) => n + 1),
      ]);
    }
    await eventually(() => expect(silent.said).toHaveLength(MESSAGES), LIMIT);
    const others = loud.said.filter(({ data }) => data.username === 'loud').map(({ seq }) => seq);
    expect(silent.said.map(({ seq }) => seq)).toEqual(others);
    for (const hearer of hearers) hearer.close();
  });

  it('delivers nothing after the answer to a leave, and nothing twice after another join', async () => {
    const [talker, mover] = await Promise.all([
      enter(at(0), 'moved', 'talker'),
      enter(at(1), 'moved', 'mover'),
    ]);
    let busy = true;
    const talking = Promise.all(
      Array.from({ length: 10 }, async () => {
        while (busy) await talker.do('say', { text: 'on and on' });
      }),
    );
    const wrong: string[] = [];
    for (let round = 0; round < 40; round += 1) {
      const from = mover.said.length;
      const joined = await mover.do('join', { roomid: 'moved', history: 0 });
      await eventually(() => expect(mover.said.length).toBeGreaterThan(from + 20), LIMIT);
      const again = await mover.do('join', { roomid: 'moved', history: 0 });
      await eventually(() => expect(mover.said.at(-1)?.seq).toBeGreaterThan(again.seq + 5), LIMIT);
      await mover.do('leave', { roomid: 'moved' });
      const heard = mover.said.length;
      const seqs = mover.said.slice(from).map(({ seq }) => seq);
      const expected = seqs.map((_, n) => (round === 0 ? (seqs[0] ?? 0) : joined.seq + 1) + n);
      if (JSON.stringify(seqs) !== JSON.stringify(expected)) wrong.push(`round ${round}: ${seqs}`);
      await talker.do('say', { text: 'said after the leave' });
      await mover.do('rooms:mine');
      if (mover.said.length !== heard) wrong.push(`round ${round}: heard after leaving`);
    }
    busy = false;
    await talking;
    expect(wrong).toEqual([]);
  });
});
