import { describe, expect, it } from 'vitest';
import { parseAvatar, parseClientMsgId, parseId, parseUsername } from '../../src/protocol/names.ts';

describe('a room or user id', () => {
  it.each([
    'lobby',
    'k12_webcourse_room_1',
    '__proto__',
    'a b',
    '东东',
    'Ünïcode',
    'x@y.z:1~2-3',
    'ا',
    'हिन्दी',
  ])('may be %j', (id) => expect(parseId(id)).toBe(id.normalize('NFC')));

  it.each([
    '',
    ' ',
    ' a',
    'a ',
    'a#b*{c}',
    'a/b',
    'a\nb',
    'a\0b',
    '\ud800',
    'a\u202eb',
    '\u200b',
    'x'.repeat(129),
    '东'.repeat(43),
    'x'.repeat(1_048_576),
    null,
    undefined,
    {},
    [],
    ['a'],
    true,
    Number.NaN,
  ])('may not be %j', (id) => expect(parseId(id)).toBeUndefined());

  it('is one id in whatever normal form it was typed', () => {
    expect(parseId('e\u0301')).toBe('\u00e9');
    expect(parseId('e\u0301'.repeat(64))).toBe('\u00e9'.repeat(64));
  });

  it('may be given as a safe integer', () =>
    expect([42, -1, Number.MAX_SAFE_INTEGER].map(parseId)).toEqual(['42', '-1', '9007199254740991']));

  // JSON.parse makes 9007199254740992 of 9007199254740993: the id of somebody else.
  it.each([4.5, 2 ** 53, -(2 ** 53), 1e21, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not the number %s',
    (number) => expect(parseId(number)).toBeUndefined(),
  );

  it('may take 128 bytes and no more', () => {
    expect(parseId('x'.repeat(128))).toHaveLength(128);
    expect(parseId(`${'东'.repeat(42)}xx`)).toBeDefined();
    expect(parseId(`${'东'.repeat(42)}xxx`)).toBeUndefined();
  });
});

describe('a username', () => {
  it('is trimmed', () => expect(parseUsername('  Ann  ')).toBe('Ann'));
  it('counts characters, not code units', () => expect(parseUsername('😀'.repeat(32))).toBe('😀'.repeat(32)));
  it.each(['', '   ', 'x'.repeat(33), 'a\u202eb', 'a\u0007b', 'a\nb', '\ud800', 5, null])(
    'may not be %j',
    (name) => expect(parseUsername(name)).toBeUndefined(),
  );
});

describe('an avatar', () => {
  it.each(['1.jpg', 'https://example.org/a.png'])('may be %j', (avatar) =>
    expect(parseAvatar(avatar)).toBe(avatar),
  );
  it.each([
    'javascript:alert(1)',
    'data:image/png;base64,AA',
    '//evil.example/x',
    'http://example.org/a.png',
    '../../etc/passwd',
    'https://u:p@example.org/',
    '.hidden',
    'a/b.jpg',
    '',
    7,
  ])('may not be %j', (avatar) => expect(parseAvatar(avatar)).toBeUndefined());
});

describe('a clientMsgId', () => {
  it('is up to 64 printable ASCII characters', () => {
    expect(parseClientMsgId('a'.repeat(64))).toBeDefined();
    expect(parseClientMsgId('a'.repeat(65))).toBeUndefined();
    expect(parseClientMsgId('é')).toBeUndefined();
    expect(parseClientMsgId('')).toBeUndefined();
  });
});
