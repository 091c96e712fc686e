import { describe, expect, it } from 'vitest';
import type { RoomMembers } from '../../src/load/driver/orders.ts';
import { checkMembers, uncheckedMembers } from '../../src/load/members-check.ts';

const PATIENCE = { limitMs: 5, againMs: 1 };

/** Each room has the member `ann`; the answers of the server come in turn, the last one for good. */
function crowdOf(lists: Readonly<Record<string, readonly (readonly string[] | undefined)[]>>) {
  const asked: string[] = [];
  return {
    asked,
    async members(rooms: readonly string[]): Promise<RoomMembers[]> {
      return rooms.map((room) => {
        const turn = asked.filter((each) => each === room).length;
        asked.push(room);
        const listed = lists[room]?.[Math.min(turn, (lists[room]?.length ?? 1) - 1)];
        return { room, connected: ['ann'], ...(listed && { listed }) };
      });
    },
  };
}

describe('the check of the lists of members', () => {
  it('asks again for a list that it did not get, and for no other', async () => {
    const crowd = crowdOf({ tea: [['ann']], coffee: [undefined, ['ann']] });
    const verdict = await checkMembers(crowd, ['tea', 'coffee'], { ...PATIENCE, limitMs: 60_000 });
    expect(crowd.asked).toEqual(['tea', 'coffee', 'coffee']);
    expect(verdict).toEqual({ rooms: 2, uncheckedRooms: 0, ghosts: [], unlisted: [] });
    expect(uncheckedMembers(verdict)).toBeUndefined();
  });

  it('says how many rooms it could not check, and judges the others', async () => {
    const crowd = crowdOf({ tea: [['eve', 'ann']], coffee: [undefined], water: [['ann']] });
    const verdict = await checkMembers(crowd, ['tea', 'coffee', 'water'], PATIENCE);
    expect(verdict).toMatchObject({ rooms: 3, uncheckedRooms: 1, ghosts: [{ kind: 'ghost' }] });
    expect(uncheckedMembers(verdict)).toMatch(/^Who is listed in 1 of 3 rooms: /);
    expect(uncheckedMembers(undefined)).toMatch(/^Who is listed in the rooms: /);
  });
});
