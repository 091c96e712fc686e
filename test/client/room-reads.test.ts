import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { refusal } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

describe('what this user has read', () => {
  it('is said by its number, and answered with the marker', async () => {
    const tea = await chatter().chat.join('tea');
    fake().script(
      'room:read',
      ({ ack }) => ack({ ok: true, roomid: 'tea', read: 7 }),
      refusal('forbidden', 'no'),
    );
    expect(await tea.read(5)).toBe(7);
    await expect(tea.read(6)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(tea.read('5' as never)).rejects.toMatchObject({ code: 'bad_request' });
    expect(
      fake()
        .ask('room:read')
        .map(({ payload }) => payload),
    ).toEqual([
      { roomid: 'tea', seq: 5 },
      { roomid: 'tea', seq: 6 },
    ]);
  });
});

describe('what others have read', () => {
  it('is a map of the room that only rises, until a new epoch', async () => {
    const { chat } = chatter();
    const [tea, milk] = await Promise.all([chat.join('tea'), chat.join('milk')]);
    const heard: unknown[] = [];
    for (const room of [tea, milk]) room.on('reads', (reads) => heard.push(reads));
    const marks = (ann: number, bob: number) => ({
      roomid: 'tea',
      marks: [
        { userId: 'ann', seq: ann },
        { userId: 'bob', seq: bob },
      ],
    });
    const count = { roomid: 'tea', count: { seq: 9, users: 300 } };
    const told = [marks(3, 5), marks(4, 2), count];
    for (const reads of told) fake().emit('reads', reads);
    await eventually(() => expect(heard).toEqual(told));
    const both = [
      ['ann', 4],
      ['bob', 5],
    ];
    expect([...tea.reads]).toEqual(both);
    expect([...milk.reads]).toEqual([]);

    const joinedAgain = () => new Promise((resolve) => tea.on('joined', resolve));
    tea.on('joined', () => undefined);
    let again = joinedAgain();
    fake().cut();
    await again;
    expect([...tea.reads]).toEqual(both);
    again = joinedAgain();
    fake().room('tea').epoch = 'e2';
    fake().cut();
    await again;
    expect([...tea.reads]).toEqual([]);
    fake().emit('reads', marks(1, 2));
    await eventually(() => expect(tea.reads.size).toBe(2));
    fake().gap({ roomid: 'tea', epoch: 'e3', from: 1, to: 1, reason: 'epoch' });
    await eventually(() => expect(tea.reads.size).toBe(0));
  });
});
