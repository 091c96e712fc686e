import { beforeEach, expect, it } from 'vitest';
import { addressOf, createRouter, type Router, routeOf } from '../../../src/page/shell/route.ts';

/** The browser's history, of one tab. */
let entries: { state: unknown; path: string }[];
let at: number;
let isPhone: boolean;
let router: Router;

const origin = 'http://chat.example';
const address = () => new URL(entries[at]?.path ?? '/', origin);
function back(): void {
  at -= 1;
  router.popped(entries[at]?.state);
}
const history = {
  get state() {
    return entries[at]?.state;
  },
  pushState(state: unknown, _title: string, path: string | URL | null = '') {
    entries = [...entries.slice(0, at + 1), { state: structuredClone(state), path: String(path) }];
    at += 1;
  },
  replaceState(state: unknown, _title: string, path: string | URL | null = '') {
    entries[at] = { state: structuredClone(state), path: String(path) };
  },
  back: () => back(),
};

beforeEach(() => {
  [entries, at, isPhone] = [[{ state: null, path: '/r/tea' }], 0, false];
  router = createRouter({ history, address, isPhone: () => isPhone, nextFrame: (callback) => callback() });
});

const tea = { kind: 'room', roomid: 'tea' } as const;

it.each([
  ['/r/tea', { kind: 'room', roomid: 'tea' }],
  ['/r/%E8%8C%B6%20%26%3A', { kind: 'room', roomid: '茶 &:' }],
  ['/?to=g-1', { kind: 'person', userId: 'g-1' }],
  ['/?view=inbox', { kind: 'inbox' }],
  ['/', { kind: 'list' }],
] as const)('reads %s, and writes the same place', (path, view) => {
  expect(routeOf(new URL(path, origin), null)).toEqual({ view });
  expect(routeOf(new URL(addressOf(new URL(origin), view), origin), null)).toEqual({ view });
});

it('reads the addresses of the source systems', () => {
  expect(routeOf(new URL('/?roomid=tea', origin), null).view).toEqual(tea);
  expect(routeOf(new URL('/chart.html?name=Mia&roomid=tea', origin), null).view).toEqual(tea);
});

it('keeps an embedded page embedded', () => {
  expect(addressOf(new URL('/r/tea?embed=1&name=Mia', origin), { kind: 'inbox' })).toBe(
    '/?embed=1&view=inbox',
  );
});

it('leads back through rooms and people', () => {
  router.go({ kind: 'room', roomid: 'coffee' });
  router.go({ kind: 'person', userId: 'g-1' });
  router.go({ kind: 'person', userId: 'g-1' });
  expect(entries.map(({ path }) => path)).toEqual(['/r/tea', '/r/coffee', '/?to=g-1']);
  back();
  back();
  expect(router.route.get().view).toEqual(tea);
});

it('opens a panel without a step for Back on a wide screen, and keeps the list of members in the next room', () => {
  router.open({ kind: 'members' });
  expect(entries).toHaveLength(1);
  router.go({ kind: 'room', roomid: 'coffee' });
  expect(router.route.get().panel).toEqual({ kind: 'members' });
  router.open({ kind: 'profile', userId: 'g-1' });
  router.go(tea);
  expect(router.route.get().panel).toBeUndefined();
});

it('closes the sheet of a phone by Back, and takes the step away when it is closed by hand', () => {
  isPhone = true;
  router.open({ kind: 'members' });
  router.open({ kind: 'profile', userId: 'g-1' });
  expect(entries).toHaveLength(2);
  back();
  expect(router.route.get()).toEqual({ view: tea });
  router.open({ kind: 'members' });
  router.open(undefined);
  expect(at).toBe(0);
  expect(router.route.get()).toEqual({ view: tea });
});

it('survives a state of the history that another page left', () => {
  for (const state of [7, 'x', { panel: 'x' }, { panel: { kind: 'profile', userId: 3 } }]) {
    expect(routeOf(new URL('/r/tea', origin), state)).toEqual({ view: tea });
  }
});
