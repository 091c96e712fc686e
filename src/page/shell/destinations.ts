import type { User } from '../../protocol/people.ts';
import type { View } from './route.ts';

/** One line of the quick switcher. */
export interface Destination {
  readonly key: string;
  readonly label: string;
  readonly view: View;
  readonly unread: number;
  /** A person. */
  readonly user?: User;
  /** A room that the reader is not in yet. */
  readonly isNew: boolean;
}

export interface Places {
  readonly rooms: readonly { readonly roomid: string; readonly unread: number }[];
  readonly people: readonly User[];
  /** The name of the inbox. */
  readonly inbox: string;
  readonly isRoomId: (name: string) => boolean;
}

const MAX_SHOWN = 12;

/** The places that match, best first: a name that begins so, then a word of it, then any part. */
export function destinationsFor(query: string, { rooms, people, inbox, isRoomId }: Places): Destination[] {
  const wanted = query.trim();
  const all: Destination[] = [
    ...rooms.map(({ roomid, unread }) => ({
      key: `room:${roomid}`,
      label: roomid,
      view: { kind: 'room', roomid } as const,
      unread,
      isNew: false,
    })),
    ...people.map((user) => ({
      key: `person:${user.id}`,
      label: user.name,
      view: { kind: 'person', userId: user.id } as const,
      unread: 0,
      user,
      isNew: false,
    })),
    { key: 'inbox', label: inbox, view: { kind: 'inbox' }, unread: 0, isNew: false },
  ];
  const found = all
    .map((destination) => ({ destination, rank: rankOf(destination.label, wanted) }))
    .filter(({ rank }) => rank !== undefined)
    .sort(
      (one, other) =>
        (one.rank ?? 0) - (other.rank ?? 0) || other.destination.unread - one.destination.unread,
    )
    .map(({ destination }) => destination)
    .slice(0, MAX_SHOWN);
  const isKnown = rooms.some(({ roomid }) => roomid === wanted);
  if (wanted === '' || isKnown || !isRoomId(wanted)) return found;
  const view = { kind: 'room', roomid: wanted } as const;
  return [...found, { key: 'new', label: wanted, view, unread: 0, isNew: true }];
}

function rankOf(label: string, wanted: string): number | undefined {
  const name = label.toLocaleLowerCase();
  const sought = wanted.toLocaleLowerCase();
  if (name.startsWith(sought)) return 0;
  if (name.split(/[\s._:@~-]+/u).some((word) => word.startsWith(sought))) return 1;
  return name.includes(sought) ? 2 : undefined;
}
