import fc from 'fast-check';

/** Few, so that inputs meet each other's rooms and people. */
const NAMES = ['tea', 'milk', 'lobby', 'ann', 'bob', '1', 'ё日本', 'a b'];
const ODD_TEXTS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  'roomcast',
  'RoomCast',
  '\0',
  '\r\n\r\n',
  '\u200b',
  '\u2028',
  '\ufeff',
  '\ud83d',
  '\udc00x',
  'e\u0301',
  '../../etc/passwd',
  '%00',
  '{}#:\x1e',
  '",{"seq":1}],"nsp":',
  '👩‍👩‍👧',
  'r:AAAAAAAAAAAAAAAA',
  '9007199254740993',
];
const ODD_NUMBERS = [0, -0, -1, 1.5, 50, 200, 201, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 1e308];

export const name = fc.constantFrom(...NAMES);
const size = fc.constantFrom(33, 65, 129, 257, 8_193, 40_000);
const longText = fc
  .tuple(fc.constantFrom('a', 'ä', '👍', '"', '\\', '\0', '\ud800'), size)
  .map(([text, n]) => text.repeat(n));
export const text = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: longText },
);
export const number = fc.oneof(fc.constantFrom(...ODD_NUMBERS), fc.nat(300), fc.double());
const deep = fc
  .tuple(fc.constantFrom('array', 'object'), fc.constantFrom(15, 16, 17, 200, 3_000))
  .map(([kind, depth]) => {
    let value: unknown = 0;
    for (let n = 0; n < depth; n += 1) value = kind === 'array' ? [value] : { a: value };
    return value;
  });
const wide = fc
  .constantFrom(100, 5_000)
  .map((n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i])));
export const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 4, arbitrary: number },
  { weight: 3, arbitrary: fc.constantFrom(null, true, false, [], {}) },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 1,
    arbitrary: fc.constant(JSON.parse('{"__proto__":{"ok":true},"constructor":{"prototype":{"x":1}}}')),
  },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: wide },
);

const position = fc.record({ epoch: text, seq: number });
const free = fc.oneof(value, fc.dictionary(text, value, { maxKeys: 4 }));
/** What each field mostly is; at times it is anything. */
const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  resume: position,
  inbox: position,
  echo: fc.boolean(),
  on: fc.boolean(),
  ...Object.fromEntries(
    ['history', 'type', 'before', 'after', 'limit', 'seq', 'recv', 'read', 'seconds', 'ttlS'].map((key) => [
      key,
      number,
    ]),
  ),
  users: fc.array(text, { maxLength: 4 }),
  rooms: fc.array(text, { maxLength: 4 }),
  tokens: fc.oneof(text, fc.array(text, { maxLength: 4 })),
  data: free,
};

/** Values that a field of this name mostly has. */
export function fieldOf(key: string): fc.Arbitrary<unknown> {
  return FIELDS[key] ?? text;
}

/** An object of some of these fields, and now and then one that nobody asked for. */
export function payload(fields: readonly string[]): fc.Arbitrary<unknown> {
  const known = fields.map((field) => {
    return [
      field,
      fc.oneof({ weight: 5, arbitrary: fieldOf(field) }, { weight: 1, arbitrary: value }),
    ] as const;
  });
  const object = fc.record({ ...Object.fromEntries(known), unasked: value }, { requiredKeys: [] });
  return fc.oneof({ weight: 8, arbitrary: object }, { weight: 1, arbitrary: value });
}

/** The text with some of it cut, doubled or replaced. */
export function mangled(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const cut = fc.record({
    at: fc.nat(1_000),
    length: fc.nat(8),
    instead: fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 4 })),
  });
  return fc.tuple(texts, fc.array(cut, { maxLength: 3 })).map(([whole, cuts]) =>
    cuts.reduce((left, { at, length, instead }) => {
      const start = at % (left.length + 1);
      return left.slice(0, start) + instead + left.slice(start + length);
    }, whole),
  );
}
