import { describe, expect, it } from 'vitest';
import { createReservedNames } from '../../src/chat/reserved-names.ts';
import { skeletonOf } from '../../src/chat/skeleton.ts';

describe('the skeletons of two names', () => {
  it.each([
    ['Ann', 'Аnn', 'Cyrillic'],
    ['scope', 'ѕсоре', 'all Cyrillic'],
    ['Bill', 'BiII', 'capital I for l'],
    ['user1', 'userl', 'l for 1'],
    ['corn', 'com', 'm for rn'],
    ['Zoë', 'Zoe\u0308', 'another normal form'],
    ['Ann', '𝐀𝗇𝚗', 'mathematical letters'],
    ['Ann', 'Ａnn', 'wide letters'],
    ['Ζoe', 'Zoe', 'Greek'],
    ['O0', '0O', 'digits'],
  ])('%s and %s are the same: %s', (one, other) => expect(skeletonOf(one)).toBe(skeletonOf(other)));

  it.each([
    ['Ann', 'Anna'],
    ['Ann', 'ann'],
    ['Zoë', 'Zoe'],
    ['东东', '東東'],
    ['Мария', 'Марина'],
  ])('%s and %s differ', (one, other) => expect(skeletonOf(one)).not.toBe(skeletonOf(other)));
});

describe('a reserved name', () => {
  const isReserved = createReservedNames(['Admin', 'HILFE', 'Поддержка']);

  it.each([
    ...[
      'roomcast',
      'RoomCast',
      'rооmcast',
      'ROOMCAST',
      'roorncast',
      'ｒｏｏｍｃａｓｔ',
      ' roomcast ',
      'r00mcast',
    ],
    ...[
      'admin',
      'ADMIN',
      'ADМIN',
      'аdmin',
      '𝗮𝗱𝗺𝗶𝗻',
      'Adrnin',
      'ADMlN',
      'ÁDMIN'.normalize('NFD').replace('\u0301', ''),
    ],
    ...['hilfe', 'Hilfe', 'HlLFE', 'поддержка', 'ПОДДЕРЖКА', 'пoддepжкa'],
  ])('is %j', (name) => expect(isReserved(name)).toBe(true));

  it.each(['roomcaster', 'my roomcast', 'Admins', 'Ann', 'Ádmin', 'Hilf', '', '东东'])('is not %j', (name) =>
    expect(isReserved(name)).toBe(false),
  );
});
