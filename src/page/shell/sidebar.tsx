import type { ComponentChildren } from 'preact';
import { useTexts } from '../language/texts.ts';
import { unreadNotices } from '../session/inbox.ts';
import { threadsOf } from '../session/inbox-state.ts';
import { peopleOf } from '../session/presence.ts';
import { Avatar } from '../ui/avatar.tsx';
import { InboxIcon, Logo, MutedIcon, PlusIcon, SearchIcon } from '../ui/icons.tsx';
import { RoomMark } from '../ui/room-mark.tsx';
import { useStore } from '../ui/use-store.ts';
import { OwnCard } from './own-card.tsx';
import { usePage } from './page.ts';
import type { View } from './route.ts';

const MAX_PEOPLE = 50;

/** The left pane: where one can go. */
export function Sidebar() {
  const { session, router, settings, openSwitcher } = usePage();
  const { shell: texts } = useTexts();
  const rooms = useStore(session.rooms);
  const unread = useStore(session.unread);
  const otherRooms = useStore(session.otherRooms.list);
  const inbox = useStore(session.inbox.store);
  const online = peopleOf(useStore(session.presence.members));
  const { view } = useStore(router.route);
  const { muted } = useStore(settings.value);
  const ownId = session.chat.user?.id;

  const threads = threadsOf(inbox, ownId, (id) => userOf(online.get(id)));
  const partners = new Set(threads.map(({ user }) => user.id));
  const others = [...online.values()]
    .filter(({ userId }) => userId !== ownId && !partners.has(userId))
    .sort((one, other) => one.username.localeCompare(other.username))
    .map(({ userId, username, avatar }) => ({ user: { id: userId, name: username, avatar }, unread: 0 }));

  return (
    <nav class="sidebar" aria-label={texts.rooms}>
      <div class="sidebar-brand">
        <Logo />
        <span class="wide">Roomcast</span>
      </div>
      <button type="button" class="switcher-button" title={texts.switcherTitle} onClick={openSwitcher}>
        <SearchIcon />
        <span class="wide">{texts.switcher}</span>
        <kbd class="wide">Ctrl K</kbd>
      </button>
      <div class="sidebar-lists">
        <SidebarLink
          view={{ kind: 'inbox' }}
          current={view.kind === 'inbox'}
          label={texts.inbox}
          count={unreadNotices(inbox.entries, ownId)}
          important
        >
          <InboxIcon />
        </SidebarLink>
        <div class="sidebar-head">
          <h2 class="wide">{texts.rooms}</h2>
          <button
            type="button"
            class="icon-button"
            aria-label={texts.addRoom}
            title={texts.addRoom}
            onClick={openSwitcher}
          >
            <PlusIcon />
          </button>
        </div>
        <ul>
          {rooms.map(({ roomid }) => {
            const { messages = 0, mentions = 0 } = unread.get(roomid) ?? {};
            return (
              <li key={roomid}>
                <SidebarLink
                  view={{ kind: 'room', roomid }}
                  current={view.kind === 'room' && view.roomid === roomid}
                  label={roomid}
                  count={messages}
                  important={mentions > 0}
                  quiet={muted.includes(roomid)}
                >
                  <RoomMark roomid={roomid} />
                </SidebarLink>
              </li>
            );
          })}
          {otherRooms.map(({ roomid, unread: count }) => (
            <li key={roomid}>
              <SidebarLink
                view={{ kind: 'room', roomid }}
                current={false}
                label={roomid}
                state={texts.notOpenHere}
                count={count}
                quiet={muted.includes(roomid)}
                faint
              >
                <RoomMark roomid={roomid} />
              </SidebarLink>
            </li>
          ))}
        </ul>
        {threads.length + others.length > 0 && (
          <div class="sidebar-head">
            <h2 class="wide">{texts.people}</h2>
          </div>
        )}
        <ul>
          {[...threads, ...others].slice(0, MAX_PEOPLE).map(({ user, unread: count }) => (
            <li key={user.id}>
              <SidebarLink
                view={{ kind: 'person', userId: user.id }}
                current={view.kind === 'person' && view.userId === user.id}
                label={user.name}
                state={online.has(user.id) ? texts.online : undefined}
                count={count}
                important
              >
                <span class={online.has(user.id) ? 'presence on' : 'presence'}>
                  <Avatar userId={user.id} username={user.name} avatar={user.avatar} />
                </span>
              </SidebarLink>
            </li>
          ))}
        </ul>
      </div>
      <OwnCard />
    </nav>
  );
}

function userOf(person: { userId: string; username: string; avatar?: string } | undefined) {
  return person && { id: person.userId, name: person.username, avatar: person.avatar };
}

interface SidebarLinkProps {
  readonly view: View;
  readonly current: boolean;
  readonly label: string;
  /** Said after the label. */
  readonly state?: string;
  readonly count: number;
  readonly important?: boolean;
  readonly quiet?: boolean;
  /** Drawn weaker than the others. */
  readonly faint?: boolean;
  readonly children: ComponentChildren;
}

function SidebarLink(props: SidebarLinkProps) {
  const { view, current, label, state, count, important, quiet, faint, children } = props;
  const { router } = usePage();
  const { shell: texts } = useTexts();
  const counted = count > 0 && !(quiet && !important);
  return (
    <button
      type="button"
      class={`sidebar-link${current ? ' current' : ''}${counted ? ' unread' : ''}${quiet || faint ? ' quiet' : ''}`}
      aria-current={current ? 'page' : undefined}
      title={label}
      onClick={() => router.go(view)}
    >
      {children}
      <bdi class="wide sidebar-label">{label}</bdi>
      {state && <span class="visually-hidden">, {state}</span>}
      {quiet && <MutedIcon />}
      {counted && (
        <>
          <span class={important ? 'badge important' : 'badge'} aria-hidden="true">
            {count > 99 ? '99+' : count}
          </span>
          <span class="visually-hidden">, {texts.unread(count)}</span>
        </>
      )}
    </button>
  );
}
