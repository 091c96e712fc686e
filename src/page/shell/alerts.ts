import type { Language } from '../language/texts.ts';
import type { News } from '../session/session.ts';
import { itemText } from './item-text.ts';
import type { View } from './route.ts';
import type { Settings } from './settings.ts';
import type { Toasts } from './toasts.ts';

export interface AlertsDeps {
  readonly settings: () => Settings;
  readonly language: () => Language;
  readonly view: () => View;
  readonly isVisible: () => boolean;
  readonly toasts: Toasts;
  /** Shows a notification of the system; a click on it leads to the view. */
  readonly notify: (title: string, body: string, view: View) => void;
  readonly beep: () => void;
}

/** Decides what the reader is told of, and how. */
export function createAlerts(deps: AlertsDeps): (news: News) => void {
  return (news) => {
    const alert = alertOf(news, deps.language());
    const { notifications, sound, muted } = deps.settings();
    if (alert.view.kind === 'room' && muted.includes(alert.view.roomid) && !alert.personal) return;
    const isShown = deps.isVisible() && isSameView(deps.view(), alert.view);
    if (isShown && alert.view.kind !== 'inbox') return;
    if (alert.toast) deps.toasts.show({ title: alert.title, text: alert.text, view: alert.view });
    if (alert.personal || notifications === 'all') {
      if (sound) deps.beep();
      if (notifications !== 'none' && !deps.isVisible()) deps.notify(alert.title, alert.text, alert.view);
    }
  };
}

interface Alert {
  readonly title: string;
  readonly text: string;
  readonly view: View;
  /** It is for this person, or for everybody by name of the operator. */
  readonly personal: boolean;
  readonly toast: boolean;
}

function alertOf(news: News, { shell: texts }: Language): Alert {
  if (news.kind === 'message') {
    const { data, roomid } = news.message;
    return {
      title: `${data.username} · ${roomid}`,
      text: data.text,
      view: { kind: 'room', roomid },
      personal: news.mentioned,
      toast: false,
    };
  }
  const { item } = news;
  const title = item.from ? `${texts.itemKinds[item.kind]} · ${item.from.name}` : texts.itemKinds[item.kind];
  const text = itemText(item);
  if (item.kind === 'private' && item.from) {
    return { title, text, view: { kind: 'person', userId: item.from.id }, personal: true, toast: true };
  }
  if (item.kind === 'mention') {
    return { title, text, view: { kind: 'room', roomid: item.data.roomid }, personal: true, toast: true };
  }
  return { title, text, view: { kind: 'inbox' }, personal: true, toast: true };
}

function isSameView(one: View, other: View): boolean {
  if (one.kind === 'room' && other.kind === 'room') return one.roomid === other.roomid;
  if (one.kind === 'person' && other.kind === 'person') return one.userId === other.userId;
  return one.kind === other.kind;
}
