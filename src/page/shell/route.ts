import { roomOf } from '../session/visit.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

/** The content of the centre; `list` is the left pane where a phone shows one pane at a time. */
export type View =
  | { readonly kind: 'room'; readonly roomid: string }
  | { readonly kind: 'person'; readonly userId: string }
  | { readonly kind: 'inbox' }
  | { readonly kind: 'list' };

/** The right pane: the members of the room, or one of them. */
export type Panel = { readonly kind: 'members' } | { readonly kind: 'profile'; readonly userId: string };

export interface Route {
  readonly view: View;
  readonly panel?: Panel;
}

export interface RouterDeps {
  readonly history: Pick<History, 'pushState' | 'replaceState' | 'back' | 'state'>;
  readonly address: () => URL;
  /** One pane at a time: a panel is a step that Back takes back. */
  readonly isPhone: () => boolean;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
}

/** The place of the reader, by the address: Back and a reload lead to the same place. */
export interface Router {
  readonly route: Value<Route>;
  go(view: View): void;
  /** Goes there without a step of its own for Back. */
  replace(view: View): void;
  open(panel: Panel | undefined): void;
  /** The browser went to another entry of its history. */
  popped(state: unknown): void;
}

export function createRouter({ history, address, isPhone, nextFrame }: RouterDeps): Router {
  const route = createValue<Route>(routeOf(address(), history.state), nextFrame);

  function show(next: Route, step: 'pushState' | 'replaceState'): void {
    history[step]({ panel: next.panel }, '', addressOf(address(), next.view));
    route.dispatch(next);
  }

  return {
    route,
    go(view) {
      const { view: from, panel } = route.get();
      const isSame = sameView(from, view);
      if (isSame && !(panel && isPhone())) return;
      // On a phone the panel covers the room, and belongs to the room that it was opened in.
      const kept = panel?.kind === 'members' && !isPhone() ? panel : undefined;
      show({ view, panel: kept }, 'pushState');
    },
    replace: (view) => show({ view }, 'replaceState'),
    open(panel) {
      const { view, panel: before } = route.get();
      if (isPhone() && before && !panel) history.back();
      else show({ view, panel }, isPhone() && panel && !before ? 'pushState' : 'replaceState');
    },
    popped: (state) => route.dispatch(routeOf(address(), state)),
  };
}

export function routeOf(url: URL, state: unknown): Route {
  const panel = panelOf(state);
  const view = viewOf(url);
  return panel ? { view, panel } : { view };
}

function viewOf(url: URL): View {
  const roomid = roomOf(url);
  if (roomid !== undefined) return { kind: 'room', roomid };
  const userId = url.searchParams.get('to');
  if (userId) return { kind: 'person', userId };
  return { kind: url.searchParams.get('view') === 'inbox' ? 'inbox' : 'list' };
}

/** The address of a view; of a room it is one to share, without a name. */
export function addressOf(from: URL, view: View): string {
  const query = new URLSearchParams();
  if (from.searchParams.get('embed') === '1') query.set('embed', '1');
  if (view.kind === 'person') query.set('to', view.userId);
  if (view.kind === 'inbox') query.set('view', 'inbox');
  const path = view.kind === 'room' ? `/r/${encodeURIComponent(view.roomid)}` : '/';
  const search = query.toString();
  return search === '' ? path : `${path}?${search}`;
}

function panelOf(state: unknown): Panel | undefined {
  const panel = (state as { panel?: Partial<Panel & { userId: unknown }> } | null)?.panel;
  if (panel?.kind === 'members') return { kind: 'members' };
  if (panel?.kind !== 'profile' || typeof panel.userId !== 'string') return undefined;
  return { kind: 'profile', userId: panel.userId };
}

function sameView(one: View, other: View): boolean {
  if (one.kind === 'room') return other.kind === 'room' && one.roomid === other.roomid;
  if (one.kind === 'person') return other.kind === 'person' && one.userId === other.userId;
  return one.kind === other.kind;
}
