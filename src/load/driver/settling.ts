import type { Client } from './client.ts';
import type { Answers, RoomMembers, Settled, Tops } from './orders.ts';
import type { PrivateCheck } from './private-messages.ts';

const LOOK_MS = 10;

export async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition() && performance.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export interface SettleDeps {
  readonly clients: readonly Client[];
  /** Clients whose connection has ended come back. */
  readonly returning: boolean;
  readonly tops: Tops;
  readonly privateCheck: PrivateCheck | undefined;
  readonly limitMs: number;
}

/** Waits until every member has everything that was acked, and judges what is missing then. */
export async function settle(deps: SettleDeps): Promise<Pick<Settled, 'overdue' | 'absent'>> {
  const { clients, returning, tops, privateCheck, limitMs } = deps;
  const listening = clients.filter(
    ({ spec, stalled, gone, isDialled }) =>
      isDialled && spec.room !== undefined && spec.role !== 'publisher' && !stalled && (returning || !gone),
  );
  const topOf = ({ spec }: Client) => tops[spec.room as string] ?? 0;
  const lacks = (client: Client) => client.lacks(topOf(client)) + (privateCheck?.lacks(client) ?? 0);
  await until(() => listening.every((client) => client.joined && lacks(client) === 0), limitMs);
  let overdue = 0;
  for (const client of listening) {
    overdue += lacks(client);
    client.end(topOf(client));
    privateCheck?.end(client);
  }
  return { overdue, absent: listening.filter(({ joined }) => !joined).length };
}

/** Asks one member of each room for the list of its members, page by page. */
export async function listMembers(
  clients: readonly Client[],
  rooms: readonly string[],
  limitMs: number,
): Promise<Answers['members']> {
  const byRoom = new Map<string, Client[]>(rooms.map((room) => [room, []]));
  for (const client of clients) if (client.joined) byRoom.get(client.spec.room ?? '')?.push(client);
  return Promise.all(
    [...byRoom].map(async ([room, members]): Promise<RoomMembers> => {
      const connected = members.map(({ name }) => name);
      const [one] = members;
      const listed = one && (await pagesOf(one, room, limitMs));
      return listed === undefined ? { room, connected } : { room, connected, listed };
    }),
  );
}

async function pagesOf(member: Client, room: string, limitMs: number): Promise<string[] | undefined> {
  const { askMembers, readMembers } = member.dialect;
  if (askMembers === undefined || readMembers === undefined) return undefined;
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const event = askMembers(room, cursor);
    const page = await new Promise<ReturnType<typeof readMembers>>((resolve) => {
      setTimeout(resolve, limitMs, undefined);
      // Read where the client expects malformed answers.
      if (member.joined) member.ask(event, (answer) => resolve(readMembers(JSON.parse(answer)[0])));
    });
    if (page === undefined) return undefined;
    names.push(...page.names);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return names;
}
