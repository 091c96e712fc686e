import { expect, it } from 'vitest';
import { shownEntry } from '../../src/chat/reactions.ts';
import { messageOf } from '../../src/server/delivery/messages.ts';

const head = '{"seq":1,"epoch":"e","id":"i","at":1,';
const entryOf = (members: object) => ({
  epoch: 'e',
  seq: 1,
  except: 'socket',
  json: head + JSON.stringify(members).slice(1),
});
const data = { username: 'Ann', userId: 'ann', text: 'x', type: 0 };

it('an entry that is read from the log to be delivered tells nobody who else reacted', () => {
  const others = ['hash-one', 'hash-two'];
  const reactions = [{ reaction: '+1', count: 12, users: ['ann'], others }];
  const stored = entryOf({ event: 'broadcast_say', roomid: 'tea', data, reactions, revision: 3 });
  const shown = shownEntry(stored);
  expect(shown).toMatchObject({ epoch: 'e', seq: 1, except: 'socket' });
  expect(shown.json).not.toContain('hash-');
  expect(JSON.parse(shown.json)).toEqual(messageOf(stored));
});

it('an entry without others is delivered byte for byte', () => {
  const plain = entryOf({ event: 'broadcast_say', roomid: 'tea', data });
  expect(shownEntry(plain)).toBe(plain);
  const edit = entryOf({ event: 'edited', ref: 1, data: { data: { others: ['mine'] } } });
  expect(shownEntry(edit)).toBe(edit);
  const said = entryOf({ event: 'broadcast_say', data: { ...data, data: { others: ['mine'] } } });
  expect(shownEntry(said).json).toBe(said.json);
});
