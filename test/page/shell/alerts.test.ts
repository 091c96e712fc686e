import { beforeEach, expect, it } from 'vitest';
import type { InboxItem } from '../../../src/client/index.ts';
import { createLanguage } from '../../../src/page/language/texts.ts';
import { createAlerts } from '../../../src/page/shell/alerts.ts';
import type { View } from '../../../src/page/shell/route.ts';
import type { Settings } from '../../../src/page/shell/settings.ts';
import { createToasts } from '../../../src/page/shell/toasts.ts';
import { said } from '../room/chat-events.ts';

let settings: Settings;
let view: View;
let isVisible: boolean;
let told: string[];

beforeEach(() => {
  settings = { theme: 'auto', notifications: 'none', sound: false, muted: [] };
  [view, isVisible, told] = [{ kind: 'room', roomid: 'tea' }, true, []];
});

function alert(news: Parameters<ReturnType<typeof createAlerts>>[0]): string[] {
  told = [];
  const toasts = createToasts((callback) => callback());
  const tell = createAlerts({
    settings: () => settings,
    language: () => createLanguage('en', []),
    view: () => view,
    isVisible: () => isVisible,
    toasts: { ...toasts, show: ({ title, text }) => told.push(`toast ${title}: ${text}`) },
    notify: (title, body, to) => told.push(`notification ${title}: ${body} → ${to.kind}`),
    beep: () => told.push('beep'),
  });
  tell(news);
  return told;
}

const message = (mentioned = false) =>
  ({ kind: 'message', message: said(1, { userId: 'Ann', text: 'hi' }), mentioned }) as const;
const from = { id: 'g-ann', name: 'Ann' };
const item = (given: Partial<InboxItem>) =>
  ({ kind: 'item', item: { id: 'i1', at: 1, from, ...given } as InboxItem }) as const;

it('stays silent about messages of rooms unless the reader asked for them', () => {
  isVisible = false;
  expect(alert(message())).toEqual([]);
  settings = { ...settings, notifications: 'personal', sound: true };
  expect(alert(message())).toEqual([]);
  settings = { ...settings, notifications: 'all' };
  expect(alert(message())).toEqual(['beep', 'notification Ann · lobby: hi → room']);
});

it('tells of a mention also in a muted room', () => {
  settings = { ...settings, notifications: 'all', sound: true, muted: ['lobby'] };
  isVisible = false;
  expect(alert(message())).toEqual([]);
  expect(alert(message(true))).toEqual(['beep', 'notification Ann · lobby: hi → room']);
});

it('shows a private message as a toast unless its thread is in sight', () => {
  const told = item({ kind: 'private', data: { to: 'me', text: 'psst' } });
  expect(alert(told)).toEqual(['toast Private message · Ann: psst']);
  view = { kind: 'person', userId: 'g-ann' };
  expect(alert(told)).toEqual([]);
  isVisible = false;
  expect(alert(told)).toEqual(['toast Private message · Ann: psst']);
});

it.each([
  [{ kind: 'announcement', data: { text: 'Cake' } }, 'Announcement: Cake'],
  [{ kind: 'push', data: 'plain' }, 'Notice: plain'],
  [{ kind: 'todo', data: { title: 'Wash up' } }, 'To do: Wash up'],
  [{ kind: 'push', data: { order: 7 } }, 'Notice: {"order":7}'],
] as const)('shows %j as a toast, even over the inbox', (given, text) => {
  view = { kind: 'inbox' };
  expect(alert(item({ ...given, from: undefined } as Partial<InboxItem>))).toEqual([`toast ${text}`]);
});
