import * as z from 'zod';
import type { LoggedRooms } from '../../chat/logged-rooms.ts';
import { LISTING_PLACE } from '../../chat/logged-rooms.ts';
import { roomOf } from '../../chat/room.ts';
import type { ListedRoom, Roster } from '../../chat/roster.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import * as payloads from '../../protocol/payloads.ts';
import { AFTER_ID, counts, next, pageLimit } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

/*
 * The list of rooms. With `all=1`, the rooms that have members come first, by id, and then those with an entry in their log, as
 * the store finds them.
 */

/** No room's id begins so: what follows is a place in the second part, and its beginning if nothing does. */
const LOGGED = '!';

type ListPlace = { readonly roomid: string } | { readonly logged: string };

const after = z
  .unknown()
  .transform((given, context): ListPlace => {
    const text = String(given);
    const place = text.startsWith(LOGGED) ? text.slice(LOGGED.length) : undefined;
    if (place !== undefined && (place === '' || LISTING_PLACE.test(place))) return { logged: place };
    const parsed = payloads.roomid.safeParse(given);
    if (parsed.success) return { roomid: parsed.data };
    const message = parsed.error.issues[0]?.message ?? '';
    context.addIssue({ code: 'custom', message, input: undefined });
    return z.NEVER;
  })
  .meta({ type: 'string', description: `${AFTER_ID} With all=1: the \`next\` of a page.` });

interface ListDeps {
  readonly roster: Pick<Roster, 'rooms' | 'count'>;
  readonly loggedRooms: LoggedRooms;
}

type ListPage = Awaited<ReturnType<Roster['rooms']>>;

async function withMembers(
  { roster }: ListDeps,
  nsp: string,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<ListPage> {
  const listed = await roster.rooms(nsp, page);
  return listed.ok && listed.value.next === undefined ? succeed({ ...listed.value, next: LOGGED }) : listed;
}

async function withEntries(
  { roster, loggedRooms }: ListDeps,
  nsp: string,
  { place, limit }: { readonly place: string; readonly limit: number },
): Promise<ListPage> {
  const listed = await loggedRooms.list(nsp, { limit, after: place === '' ? undefined : place });
  if (!listed.ok) return listed;
  const { roomids, next: following } = listed.value;
  const rooms: ListedRoom[] = [];
  for (const counted of await Promise.all(roomids.map((roomid) => countOf(roster, nsp, roomid)))) {
    if (!counted.ok) return counted;
    rooms.push(counted.value);
  }
  return succeed({ rooms, ...(following === undefined ? {} : { next: LOGGED + following }) });
}

async function countOf(
  roster: Pick<Roster, 'count'>,
  nsp: string,
  roomid: string,
): Promise<Outcome<ListedRoom>> {
  const counted = await roster.count(roomOf(nsp, roomid));
  if (!counted.ok) return counted;
  const { users, clients } = counted.value;
  return succeed({ roomid, users, clients });
}

const list = route({
  method: 'GET',
  path: '/api/v1/rooms',
  operationId: 'listRooms',
  summary:
    'The rooms that have members, on any worker; with all=1 also those with a message in their log and nobody in them.',
  query: z.object({
    all: z
      .enum(['0', '1'], { error: 'must be 0 or 1' })
      .optional()
      .describe(
        '1: a room may come twice, a page may be empty before the last, or a few rooms longer than limit.',
      ),
    after: after.optional(),
    limit: pageLimit,
  }),
  answer: z.object({ rooms: z.array(z.object({ roomid: z.string(), ...counts })), next }),
  async run({ nsp, query: { all, after: place, limit } }, context) {
    if (place && 'logged' in place) {
      if (all !== '1') return refuse('bad_request', 'after: this one needs all=1');
      return withEntries(context, nsp, { place: place.logged, limit });
    }
    const page = { after: place?.roomid, limit };
    return all === '1' ? withMembers(context, nsp, page) : context.roster.rooms(nsp, page);
  },
});

export const ROOM_LIST_ROUTES: readonly ApiRoute[] = [list];
