import type { ClientSpec } from '../driver/orders.ts';
import { createRandom, type Random } from '../random.ts';
import type { LoadConfig } from '../result.ts';
import type { ServerUrl } from './server-url.ts';

export interface ClientsPlan {
  readonly clients: readonly ClientSpec[];
  readonly rooms: readonly string[];
  /** Those with members in several processes. */
  readonly sharedRooms: readonly string[];
  /** The driver process of each client. */
  readonly processOf: (client: ClientSpec) => number;
}

export interface PlanDeps {
  readonly config: LoadConfig;
  readonly servers: readonly ServerUrl[];
  /** Different in each run: rooms and users of two runs must not meet. */
  readonly runName: string;
  /** The numbering of a room's messages: with `sender`, one client of each room speaks; with `driver`, a room has one process. */
  readonly numberedBy: 'server' | 'sender' | 'driver';
  readonly tokenOf: ((name: string) => string) | undefined;
}

/** Spreads the clients over rooms, servers, transports and processes. */
export function planClients({ config, servers, runName, numberedBy, tokenOf }: PlanDeps): ClientsPlan {
  const { processes, transport, seed, replay } = config;
  const random = createRandom(seed);
  const sizes = sizesOf(config);
  const polling = transport === 'mix' ? pollingIds(sizes, replay?.pollingShare ?? 0.5, random) : new Set();
  const rooms = sizes.map((_, at) => `${runName}${at}`);
  const homes = homesOf(sizes, processes, numberedBy === 'driver');
  const homeOf = new Map<number, number>();
  const clients: ClientSpec[] = [];
  sizes.forEach((size, at) => {
    for (let member = 0; member < size; member += 1) {
      const id = clients.length;
      const server = servers[id % servers.length] as ServerUrl;
      const speaks = numberedBy !== 'sender' || member === 0;
      // A room that no process could hold alone is spread over all of them.
      homeOf.set(id, homes[at] ?? id % processes);
      clients.push({
        id,
        server: servers.indexOf(server),
        host: server.host,
        hostName: server.name,
        port: server.port,
        secure: server.secure,
        socketPath: server.socketPath,
        transport: transport === 'mix' ? (polling.has(id) ? 'polling' : 'websocket') : transport,
        room: rooms[at] as string,
        role: speaks ? 'speaker' : 'member',
        ...(replay?.talkExponent !== undefined && {
          talkWeight: size ** replay.talkExponent / (numberedBy === 'server' ? size : 1),
        }),
        // Someone must be there to be asked who is, and the numbers of a room's only speaker must go on.
        stays: member === 0,
        ...(tokenOf && { token: tokenOf(`${runName}${id}`) }),
      });
    }
  });
  const sharedRooms = rooms.filter((_, at) => homes[at] === undefined);
  return {
    clients: mixed(clients, random.fraction),
    rooms,
    sharedRooms,
    processOf: ({ id }) => homeOf.get(id) ?? 0,
  };
}

function sizesOf({ clients, rooms, skew, replay }: LoadConfig): readonly number[] {
  if (replay?.roomSizes !== undefined)
    return replay.roomSizes.flatMap((size) => Array.from({ length: size.rooms }, () => size.clients));
  return skew === 'zipf' ? zipfSizes(clients, rooms) : evenSizes(clients, rooms);
}

/** Any of the clients, so that each server gets its part of them. */
function pollingIds(sizes: readonly number[], share: number, { fraction }: Random): ReadonlySet<number> {
  const ids = Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, (_, id) => id);
  return new Set(mixed(ids, fraction).slice(0, Math.round(ids.length * share)));
}

function evenSizes(clients: number, rooms: number): number[] {
  return Array.from({ length: rooms }, (_, at) => Math.floor((clients + at) / rooms)).reverse();
}

/** The room of rank n is a part 1/n as large as the first; each has one client at least. */
function zipfSizes(clients: number, rooms: number): number[] {
  const weights = Array.from({ length: rooms }, (_, at) => 1 / (at + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const spare = clients - rooms;
  const sizes = weights.map((weight) => 1 + Math.floor((spare * weight) / sum));
  sizes[0] = (sizes[0] ?? 0) + clients - sizes.reduce((total, size) => total + size, 0);
  return sizes;
}

/** Whole rooms go to the process that has least so far; undefined: the room is larger than a process's part, and may be parted. */
function homesOf(sizes: readonly number[], processes: number, areWhole: boolean): (number | undefined)[] {
  const part = sizes.reduce((total, size) => total + size, 0) / processes;
  const loads = Array.from({ length: processes }, () => 0);
  return sizes.map((size) => {
    if (!areWhole && processes > 1 && size > part * 1.2) return undefined;
    const least = loads.indexOf(Math.min(...loads));
    loads[least] = (loads[least] ?? 0) + size;
    return least;
  });
}

/** The rooms fill side by side. */
function mixed<T>(items: readonly T[], fraction: () => number): T[] {
  return items
    .map((item) => ({ item, at: fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
