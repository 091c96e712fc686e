import { describe, expect, it } from 'vitest';
import {
  parseAvatar,
  parseClientMsgId,
  parseId,
  parseUnreservedId,
  parseUnreservedUsername,
  parseUsername,
} from '../../src/protocol/names.ts';

/** Fillers that are letters or marks to Unicode, variation selectors, joiners, and what is of no width. */
const UNSEEN = [
  ...['\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u180b', '\u3164', '\uffa0', '\ufe0f', '\u{e0100}'],
  ...['\u00ad', '\u061c', '\u180e', '\u200b', '\u200c', '\u200d', '\u200e', '\u202e', '\u2060', '\u2068'],
  ...['\u2800', '\ufeff', '\ufff9', '\u{e0041}'],
];

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

  it.each(UNSEEN)('does not contain %j, which is invisible', (char) =>
    expect([`a${char}b`, `${char}a`, `a${char}`, char].map(parseId)).toEqual(Array(4).fill(undefined)),
  );

  it('is not roomcast for a client', () => {
    for (const id of ['roomcast', 'RoomCast', 'ｒｏｏｍｃａｓｔ']) {
      expect([parseId(id), parseUnreservedId(id)]).toEqual([id, undefined]);
    }
    expect([parseUnreservedId('roomcaster'), parseUnreservedId(7)]).toEqual(['roomcaster', '7']);
  });

  it('is the same id in every Unicode normal form', () => {
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
  it.each([
    '',
    '   ',
    'x'.repeat(33),
    'a\u0007b',
    'a\nb',
    '\ud800',
    'a\udc00',
    'a\u0378',
    'a\u2028b',
    // Characters that no version of Unicode assigns: the versions of Node agree on them.
    ...['\ufdd0', '\uffff', '\u{1ffff}', '\u{10ffff}'].map((char) => `a${char}`),
    5,
    null,
  ])('may not be %j', (name) => expect(parseUsername(name)).toBeUndefined());

  it.each(UNSEEN)('does not contain %j, which is invisible', (char) =>
    expect([`a${char}b`, `${char}a`, `a${char}`, char].map(parseUsername)).toEqual(Array(4).fill(undefined)),
  );

  it('may be of any script and of emoji, without invisible joiners or variation selectors', () => {
    for (const name of ['Zoë', '東東', 'हिन्दी', 'Ён', '😀👍🏽', '🇩🇪', '❤', 'ﷺ', 'a b']) {
      expect(parseUsername(name)).toBe(name.normalize('NFC'));
    }
    for (const name of ['👨\u200d👩\u200d👧', '❤\ufe0f']) expect(parseUsername(name)).toBeUndefined();
  });

  it('is not roomcast for people, however it is written', () => {
    for (const name of ['roomcast', 'ROOMCAST', ' Roomcast ', 'ｒｏｏｍｃａｓｔ', '𝓻𝓸𝓸𝓶𝓬𝓪𝓼𝓽']) {
      expect([parseUsername(name), parseUnreservedUsername(name)]).toEqual([name.trim(), undefined]);
    }
    expect(parseUnreservedUsername('roomcaster')).toBe('roomcaster');
  });
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
    'a\u3164.jpg',
    'https://example.org/\ud800.png',
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
