/** The requests to a room, of whatever host, through this listener. Each has the operator's key. */
export interface RoomApi {
  overview(): Promise<RoomOverview>;
  kick(userId: string): Promise<void>;
  mute(userId: string, seconds: number): Promise<void>;
  ban(userId: string, seconds: number): Promise<void>;
  /** Refused where the user is not muted, or not banned. */
  lift(kind: 'mute' | 'ban', userId: string): Promise<void>;
  remove(seq: number): Promise<void>;
}

export interface RoomMember {
  readonly userId: string;
  readonly username: string;
  readonly clients: number;
}

export interface RoomMessage {
  readonly seq: number;
  readonly at: number;
  /** `broadcast_say` is a message; the others change or delete one. */
  readonly event: string;
  readonly deleted?: true;
  readonly data?: { readonly username?: string; readonly text?: string };
  readonly by?: { readonly username: string };
}

export interface RoomOverview {
  readonly users: number;
  readonly clients: number;
  /** The number of the newest message. */
  readonly top: number;
  readonly members: readonly RoomMember[];
  /** There are more members than these. */
  readonly moreMembers: boolean;
  /** The newest last. */
  readonly messages: readonly RoomMessage[];
}

export interface ListedRoom {
  readonly roomid: string;
  readonly users: number;
  readonly clients: number;
}

/** A page of rooms by id; `next` is given if there are more. */
export interface ListedRooms {
  readonly rooms: readonly ListedRoom[];
  readonly next?: string;
}

/** A request failed; the message is for people. */
export class RoomApiError extends Error {}

const MEMBERS = 100;
const MESSAGES = 20;
const ROOMS = 100;
const LIMIT_MS = 10_000;

interface Members {
  readonly users: number;
  readonly clients: number;
  readonly members: readonly RoomMember[];
  readonly next?: string;
}

interface Messages {
  readonly top: number;
  readonly messages: readonly RoomMessage[];
}

interface Request {
  readonly nsp: string;
  readonly key: string;
  readonly method?: string;
  /** Below that of the rooms. */
  readonly path: string;
  readonly body?: object;
  readonly query?: Record<string, string>;
}

async function ask<Answer>({ nsp, key, method = 'GET', path, body, query }: Request): Promise<Answer> {
  const search = new URLSearchParams({ ns: nsp, ...query });
  const response = await fetch(`api/v1/rooms${path}?${search}`, {
    method,
    headers: { 'X-API-Key': key, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(LIMIT_MS),
  }).catch(() => undefined);
  if (!response) throw new RoomApiError('The primary does not answer.');
  const answer = (await response.json().catch(() => ({}))) as Answer & { error?: { message?: string } };
  if (!response.ok) throw new RoomApiError(answer.error?.message ?? `The answer is ${response.status}.`);
  return answer;
}

/** The rooms with members on any host, from the one behind `after` on. */
export function listRooms({
  nsp,
  key,
  after,
}: {
  nsp: string;
  key: string;
  after: string | undefined;
}): Promise<ListedRooms> {
  const query = { limit: String(ROOMS), ...(after !== undefined && { after }) };
  return ask({ nsp, key, path: '', query });
}

export function createRoomApi({ nsp, roomid, key }: { nsp: string; roomid: string; key: string }): RoomApi {
  const here = `/${encodeURIComponent(roomid)}`;
  const get = <Answer>(path: string, limit: number) =>
    ask<Answer>({ nsp, key, path: here + path, query: { limit: String(limit) } });
  const change = (method: 'POST' | 'DELETE', path: string, body?: object) =>
    ask<void>({ nsp, key, method, path: here + path, ...(body && { body }) });

  return {
    async overview() {
      const [members, messages] = await Promise.all([
        get<Members>('/members', MEMBERS),
        get<Messages>('/messages', MESSAGES),
      ]);
      const { users, clients, next } = members;
      return {
        users,
        clients,
        top: messages.top,
        members: members.members,
        moreMembers: next !== undefined,
        messages: messages.messages,
      };
    },
    kick: (userId) => change('POST', '/kick', { userId }),
    mute: (userId, seconds) => change('POST', '/mute', { userId, seconds }),
    ban: (userId, seconds) => change('POST', '/ban', { userId, seconds }),
    lift: (kind, userId) => change('DELETE', `/${kind}/${encodeURIComponent(userId)}`),
    remove: (seq) => change('DELETE', `/messages/${seq}`),
  };
}
