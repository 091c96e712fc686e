/** The requests to a room through this listener, each with the operator's key. */
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

/** A request failed; the message is for people. */
export class RoomApiError extends Error {}

const MEMBERS = 100;
const MESSAGES = 20;
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

export function createRoomApi({ nsp, roomid, key }: { nsp: string; roomid: string; key: string }): RoomApi {
  async function ask<Answer>(method: string, path: string, body?: object, query = {}): Promise<Answer> {
    const search = new URLSearchParams({ ns: nsp, ...query });
    const response = await fetch(`api/v1/rooms/${encodeURIComponent(roomid)}${path}?${search}`, {
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

  return {
    async overview() {
      const [members, messages] = await Promise.all([
        ask<Members>('GET', '/members', undefined, { limit: MEMBERS }),
        ask<Messages>('GET', '/messages', undefined, { limit: MESSAGES }),
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
    kick: (userId) => ask('POST', '/kick', { userId }),
    mute: (userId, seconds) => ask('POST', '/mute', { userId, seconds }),
    ban: (userId, seconds) => ask('POST', '/ban', { userId, seconds }),
    lift: (kind, userId) => ask('DELETE', `/${kind}/${encodeURIComponent(userId)}`),
    remove: (seq) => ask('DELETE', `/messages/${seq}`),
  };
}
