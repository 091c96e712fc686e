import { expect, it } from 'vitest';
import { createPictures } from '../../../src/page/ui/pictures.ts';

const ALLOWED = 'https://cdn.example https://*.example.org https://pictures.example:8443';

it('loads no picture of another site unless the operator names its origin', () => {
  const pictureOf = createPictures('');
  for (const avatar of [undefined, '1.jpg', 'https://cdn.example/a.png'])
    expect(pictureOf(avatar)).toBeUndefined();
});

it.each([
  'https://cdn.example/a.png?size=40',
  'https://cdn.example/',
  'https://a.example.org/b.png',
  'https://a.b.example.org/b.png',
  'https://pictures.example:8443/c.png',
])('loads %s from an origin that the operator names', (avatar) =>
  expect(createPictures(ALLOWED)(avatar)).toBe(avatar),
);

it.each([
  '1.jpg',
  'http://cdn.example/a.png',
  'https://cdn.example.evil.example/a.png',
  'https://cdn.example:444/a.png',
  'https://cdn.example@evil.example/a.png',
  'https://evil.example\\@cdn.example/a.png',
  'https://evil.example/?https://cdn.example/',
  'https://example.org/b.png',
  'https://evilexample.org/b.png',
  'https://a.example.org.evil.example/b.png',
  'https://a.example.org:8443/b.png',
  'https://pictures.example/c.png',
  'https://',
])('loads %s from no such list', (avatar) => expect(createPictures(ALLOWED)(avatar)).toBeUndefined());

it('loads every https picture, and nothing else, if the operator allows all sites', () => {
  const pictureOf = createPictures('*');
  expect(pictureOf('https://evil.example/a.png')).toBe('https://evil.example/a.png');
  for (const avatar of [undefined, '1.jpg', 'http://evil.example/a.png'])
    expect(pictureOf(avatar)).toBeUndefined();
});
