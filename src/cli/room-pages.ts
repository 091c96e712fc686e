import type { ApiAccess } from './api-access.ts';
import { ANSWER_MS, keyHeader, reasonOf, roomUrl, TailRefused } from './room-tail.ts';

/** A room's messages, oldest first. */
export interface MessagePage {
  readonly epoch: string;
  readonly top: number;
  readonly more: boolean;
  readonly messages: readonly { readonly seq: number; readonly at: number }[];
}

/** Questions to the HTTP API about rooms. They throw what the server refuses. */
export interface RoomPages {
  /** The newest messages, or those before a number. */
  messages(roomid: string, limit: number, before?: number): Promise<MessagePage>;
  /** The rooms that somebody is in, and the server's time, ms since 1970. */
  rooms(): Promise<{ readonly rooms: readonly string[]; readonly complete: boolean; readonly at: number }>;
  /** Returns the id of the room's last event before that time, after which its stream begins. */
  lastEventIdBefore(roomid: string, at: number): Promise<string>;
}

const PAGE = 200;
/** Listing more would load the server at each look. */
const MAX_ROOM_PAGES = 10;

export function createRoomPages(api: ApiAccess, nsp: string | undefined, signal: AbortSignal): RoomPages {
  async function ask<T>(url: string): Promise<T & { readonly serverTime: number }> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(url, { headers: keyHeader(api), signal: limit });
    if (!response.ok) throw new TailRefused(await reasonOf(response));
    // A proxy may have removed the header.
    const serverTime = Date.parse(response.headers.get('date') ?? '') || Date.now();
    return { ...((await response.json()) as T), serverTime };
  }

  function messages(roomid: string, limit: number, before?: number): Promise<MessagePage> {
    const query = {
      ns: nsp,
      limit: String(limit),
      ...(before === undefined ? {} : { before: String(before) }),
    };
    return ask<MessagePage>(roomUrl(api, roomid, 'messages', query));
  }

  return {
    messages,
    async rooms() {
      const rooms: string[] = [];
      let after: string | undefined;
      let at = 0;
      for (let pages = 0; pages < MAX_ROOM_PAGES; pages += 1) {
        const given = { limit: '100', ns: nsp, after };
        const query = Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined);
        const page = await ask<{ rooms: readonly { readonly roomid: string }[]; next?: string }>(
          `${api.url}/api/v1/rooms?${new URLSearchParams(query)}`,
        );
        rooms.push(...page.rooms.map(({ roomid }) => roomid));
        at ||= page.serverTime;
        after = page.next;
        if (after === undefined) return { rooms, complete: true, at };
      }
      return { rooms, complete: false, at };
    },
    async lastEventIdBefore(roomid, at) {
      let page = await messages(roomid, PAGE);
      const { epoch } = page;
      for (;;) {
        const before = page.messages.findLast((message) => message.at < at);
        const [oldest] = page.messages;
        if (before) return `${epoch}:${before.seq}`;
        if (!oldest) return `${epoch}:${page.top}`;
        if (!page.more) return `${epoch}:${oldest.seq - 1}`;
        page = await messages(roomid, PAGE, oldest.seq);
      }
    },
  };
}
