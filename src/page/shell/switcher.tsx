import { useId, useState } from 'preact/hooks';
import { parseId } from '../../protocol/names.ts';
import { useTexts } from '../language/texts.ts';
import { threadsOf } from '../session/inbox-state.ts';
import { peopleOf } from '../session/presence.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { InboxIcon, PlusIcon } from '../ui/icons.tsx';
import { RoomMark } from '../ui/room-mark.tsx';
import { useStore } from '../ui/use-store.ts';
import { type Destination, destinationsFor } from './destinations.ts';
import { usePage } from './page.ts';

/** Goes to a room, a person or the inbox by a few letters of the name. */
export function Switcher({ onClose }: { onClose: () => void }) {
  const { session, router } = usePage();
  const { shell: texts } = useTexts();
  const rooms = useStore(session.rooms);
  const unread = useStore(session.unread);
  const otherRooms = useStore(session.otherRooms.list);
  const inbox = useStore(session.inbox.store);
  const online = peopleOf(useStore(session.presence.members));
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const ownId = session.chat.user?.id;

  const partners = threadsOf(inbox, ownId, () => undefined).map(({ user }) => user);
  const here = [...online.values()].map(({ userId, username, avatar }) => ({
    id: userId,
    name: username,
    avatar,
  }));
  const people = new Map([...partners, ...here].map((user) => [user.id, user]));
  people.delete(ownId ?? '');
  const found = destinationsFor(query, {
    rooms: [
      ...rooms.map(({ roomid }) => ({ roomid, unread: unread.get(roomid)?.messages ?? 0 })),
      ...otherRooms,
    ],
    people: [...people.values()],
    inbox: texts.inbox,
    isRoomId: (name) => parseId(name) !== undefined,
  });
  const active = Math.min(at, Math.max(0, found.length - 1));

  function go(destination: Destination | undefined): void {
    if (!destination) return;
    onClose();
    router.go(destination.view);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      go(found[active]);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || found.length === 0) return;
    event.preventDefault();
    setAt((active + step + found.length) % found.length);
  }

  return (
    <Dialog label={texts.switcher} class="switcher" onClose={onClose}>
      <input
        type="text"
        role="combobox"
        aria-label={texts.switcher}
        placeholder={texts.switcher}
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length > 0 ? `${id}-${active}` : undefined}
        aria-autocomplete="list"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={query}
        onInput={({ currentTarget: { value } }) => {
          setQuery(value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div role="listbox" id={`${id}-list`} aria-label={texts.switcher} class="switcher-list">
        {found.map((destination, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus, and says which option is active
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={destination.key}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            class="switcher-option"
            onClick={() => go(destination)}
          >
            <DestinationMark destination={destination} />
            <bdi>{destination.isNew ? texts.enterRoom(destination.label) : destination.label}</bdi>
            {destination.unread > 0 && <span class="badge">{destination.unread}</span>}
          </div>
        ))}
      </div>
      <p class="switcher-empty" role="status">
        {found.length === 0 && texts.switcherEmpty}
      </p>
    </Dialog>
  );
}

function DestinationMark({ destination: { view, user, label, isNew } }: { destination: Destination }) {
  if (user) return <Avatar userId={user.id} username={user.name} avatar={user.avatar} />;
  if (view.kind === 'inbox') return <InboxIcon />;
  if (isNew) return <PlusIcon />;
  return <RoomMark roomid={label} />;
}
