import type { MessageChange } from '../chat/message-changes.ts';
import { react } from '../chat/reactions.ts';
import { refuse, succeed } from '../protocol/codes.ts';
import { toTombstone } from '../protocol/deletions.ts';
import { fold } from '../protocol/folding.ts';
import type { Author, ChatMessage, EditedMessage, RoomEntry } from '../protocol/rooms.ts';

type Decide = MessageChange['decide'];

interface Changing {
  readonly roomid: string;
  readonly by: Author;
  /** Only the author of the message may do it. */
  readonly own?: boolean;
  readonly clientMsgId?: string | undefined;
}

/** The store gives the entry its position; it comes after whatever the message takes into account. */
const NEXT = { epoch: '', seq: Number.MAX_SAFE_INTEGER, id: '', at: 0 };

export function edit({
  text,
  data,
  ...changing
}: Changing & { readonly text?: string | undefined; readonly data?: string | undefined }): Decide {
  const { roomid, by, clientMsgId } = changing;
  const given = {
    ...(text !== undefined && { text }),
    ...(data !== undefined && { data: JSON.parse(data) as unknown }),
  };
  return (message) => {
    const content = message.edited ? { ...contentOf(message), ...given } : given;
    const entry = {
      event: 'edited',
      roomid,
      ...idOf(clientMsgId),
      ref: message.seq,
      data: content,
      by,
    } as const;
    return (
      refusedTo(changing, message) ??
      succeed({
        becomes: fold(message, { ...NEXT, ...entry }),
        announcement: membersOf(entry),
        stamp: 'edited',
        counted: 'entry',
      })
    );
  };
}

/** An edit after another one repeats what that one replaced, because the store empties it. */
function contentOf({ data: { text, data } }: ChatMessage): EditedMessage['data'] {
  return data === undefined ? { text } : { text, data };
}

export function deletion(changing: Omit<Changing, 'by'> & { readonly by?: Author }): Decide {
  const { roomid, by, clientMsgId } = changing;
  return (message) =>
    refusedTo(changing, message, ', which needs the right moderate') ??
    succeed({
      becomes: toTombstone(message),
      announcement: membersOf({
        event: 'deleted',
        roomid,
        ...idOf(clientMsgId),
        ref: message.seq,
        ...(by && { by }),
      }),
    });
}

export function reaction({
  roomid,
  by,
  reaction: chosen,
  on,
}: Changing & { readonly reaction: string; readonly on: boolean }): Decide {
  return (message) => {
    const entry = { event: 'reacted', roomid, ref: message.seq, data: { reaction: chosen, on }, by } as const;
    const reacted = react(message, { ...NEXT, ...entry });
    if (!reacted.ok) return reacted;
    if (reacted.value === 'unchanged') return succeed('unchanged');
    return succeed({
      becomes: reacted.value,
      announcement: membersOf(entry),
      stamp: 'revision',
      counted: 'entry',
    });
  };
}

function refusedTo({ own, by }: Partial<Changing>, { data }: ChatMessage, unless = '') {
  if (!own || data.userId === by?.userId) return undefined;
  return refuse('forbidden', `seq: the message is another user’s${unless}`);
}

function idOf(clientMsgId: string | undefined) {
  return clientMsgId === undefined ? {} : { clientMsgId };
}

/** An entry without what the store adds. */
type Announcement<E = RoomEntry> = E extends RoomEntry ? Omit<E, keyof typeof NEXT> : never;

function membersOf(entry: Announcement): string {
  return JSON.stringify(entry).slice(1, -1);
}
