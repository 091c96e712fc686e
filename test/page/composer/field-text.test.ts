import { describe, expect, it } from 'vitest';
import { createFieldText } from '../../../src/page/composer/field-text.ts';

const ANN = { userId: 'a', username: 'Ann' };

function storage(stored = new Map<string, string>()) {
  return {
    stored,
    get: (key: string) => stored.get(key),
    set(key: string, value: string) {
      if (value === '' || value === '[]') stored.delete(key);
      else stored.set(key, value);
    },
  };
}

describe('the text of the field', () => {
  it('comes back for its author, with the people chosen in it', () => {
    const kept = storage();
    const before = createFieldText({ storage: kept, guestId: undefined });
    before.setAuthor('me');
    before.save('for @Ann', [ANN]);
    const after = createFieldText({ storage: kept, guestId: 'me' });
    expect([after.text, after.chosen]).toEqual(['for @Ann', [ANN]]);
    const other = createFieldText({ storage: kept, guestId: undefined });
    other.setAuthor('somebody else');
    expect([other.text, other.chosen]).toEqual(['', []]);
  });

  it('comes back with the message that it answers', () => {
    const kept = storage();
    const reply = { kind: 'reply', epoch: 'e1', seq: 7, username: 'Ann', text: 'why?' } as const;
    const before = createFieldText({ storage: kept, guestId: undefined });
    before.setAuthor('me');
    before.save('because');
    before.saveTarget(reply);
    const after = createFieldText({ storage: kept, guestId: 'me' });
    expect([after.text, after.target]).toEqual(['because', reply]);
    after.saveTarget(undefined);
    expect(createFieldText({ storage: kept, guestId: 'me' }).target).toBeUndefined();
  });

  it('waits beside a changed message, which comes back too, also without a text', () => {
    const kept = storage();
    const edit = { kind: 'edit', epoch: 'e1', seq: 7, text: 'tee', typed: 'tea' } as const;
    createFieldText({ storage: kept, guestId: undefined }).saveTarget(edit);
    createFieldText({ storage: kept, guestId: undefined }).setAuthor('me');
    const field = createFieldText({ storage: kept, guestId: undefined });
    let told = 0;
    field.listen(() => {
      told += 1;
    });
    field.setAuthor('me');
    expect([field.text, field.target, told]).toEqual(['', edit, 1]);
    const other = createFieldText({ storage: kept, guestId: undefined });
    other.setAuthor('somebody else');
    expect(other.target).toBeUndefined();
  });

  it.each([
    '7',
    '{"kind": "reply", "epoch": "e1", "seq": 1, "text": "x"}',
    '{"kind": "edit", "seq": "1"}',
    '{',
  ])('has no target where %s is stored', (stored) => {
    const kept = storage(new Map([['target of field of me', stored]]));
    expect(createFieldText({ storage: kept, guestId: 'me' }).target).toBeUndefined();
  });

  it('leaves nothing behind once it is sent', () => {
    const kept = storage();
    const field = createFieldText({ storage: kept, guestId: 'me' });
    field.save('for @Ann', [ANN]);
    field.save('');
    expect([field.chosen, [...kept.stored]]).toEqual([[], []]);
  });

  it('takes back what was not sent, below what is being written', () => {
    const field = createFieldText({ storage: storage(), guestId: 'me' });
    let told = 0;
    const stop = field.listen(() => {
      told += 1;
    });
    field.add('refused');
    expect([field.text, told]).toEqual(['refused', 1]);
    field.save('half a');
    field.add('refused');
    expect([field.text, told]).toEqual(['half a\nrefused', 2]);
    stop();
    field.add('again');
    expect(told).toBe(2);
  });

  it('of nobody yet is that of the user whom the server names', () => {
    const kept = storage();
    createFieldText({ storage: kept, guestId: undefined }).save('early');
    const field = createFieldText({ storage: kept, guestId: undefined });
    expect(field.text).toBe('early');
    field.setAuthor('me');
    expect([...kept.stored]).toEqual([['field of me', 'early']]);
  });

  it('is whole where the stored people are not', () => {
    const kept = storage(
      new Map([
        ['field of me', 'text'],
        ['chosen in field of me', '[7, {"userId": 1}'],
      ]),
    );
    expect(createFieldText({ storage: kept, guestId: 'me' }).text).toBe('text');
  });
});
