import { describe, expect, it } from 'vitest';
import { socketRoom } from '../../../src/backend/socket-room.ts';
import type { LogPage } from '../../../src/chat/log-store.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { refuse, succeed } from '../../../src/protocol/codes.ts';
import type { ChatContext } from '../../../src/server/context.ts';
import { joinRoom } from '../../../src/server/events/join.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { ConnectionBudget, Traffic } from '../../../src/server/transport/connection-budget.ts';
import { silentLog } from '../../cluster/silent-log.ts';
import { partOf } from '../../support/part-of.ts';
import { knownIdentity } from '../known-identity.ts';

const room = roomOf('/', 'tea');

interface Faults {
  /** The feed refuses the page after the join has done everything else. */
  readonly refusesPage?: true;
  readonly failsToRemoveMarker?: true;
  /** The room's newest entry, as the store has it. */
  readonly json?: string;
  readonly failsToRename?: true;
  readonly failsToAnswer?: true;
  /** Somebody's mark was raised in the room. */
  readonly hasMarks?: true;
  /** The connection is a member already. */
  readonly membership?: Membership;
}

/** Joins the room, and reports what the join gave back. */
async function join(faults: Faults) {
  const { refusesPage, failsToRemoveMarker, json = '{}', failsToRename, membership } = faults;
  const { failsToAnswer, hasMarks } = faults;
  const welcomed: unknown[] = [];
  const undone: string[] = [];
  const sockets = new Set<string>();
  const memberships = new Map(membership ? [['tea', membership]] : []);
  const user = { id: 'ann', name: 'Ann' };
  const session = partOf<Session>({
    budget: new ConnectionBudget(new Traffic({ events: undefined, bytes: undefined }, () => 0)),
    socket: partOf<ClientSocket>({
      nsp: partOf<ClientSocket['nsp']>({ name: '/' }),
      connected: true,
      data: {},
      join: (name) => void sockets.add(String(name)),
      leave: (name) => void sockets.delete(name),
    }),
    memberships,
    user,
    identity: knownIdentity(user),
  });
  const entry = { epoch: 'e', seq: 1, json };
  const page: LogPage = {
    epoch: 'e',
    top: 1,
    previousEpochs: [],
    entries: [entry],
    more: false,
    first: 1,
    ...(hasMarks && { hasMarks }),
  };
  const context = partOf<ChatContext>({
    identities: partOf<ChatContext['identities']>({ isReserved: () => false }),
    connectionBans: { check: async () => undefined },
    limits: partOf<ChatContext['limits']>({ maxRooms: 50 }),
    joinPages: partOf<ChatContext['joinPages']>({ read: async () => succeed(page) }),
    newRooms: { admit: async () => undefined, admitReader: async () => undefined },
    feeds: partOf<ChatContext['feeds']>({
      lease: async () => succeed({ room, release: () => undone.push('lease') }),
      positionOf: () => undefined,
      async attach(_room, read, admit) {
        const answer = await read();
        if (!answer.ok) return answer;
        return refusesPage ? refuse('unavailable', 'away') : succeed(admit(answer.value, []));
      },
    }),
    fanout: { flush: () => undefined },
    presence: partOf<ChatContext['presence']>({
      enter: async () => succeed({ users: 1, clients: 1, announce: () => undefined }),
      leave: async () => void undone.push('presence'),
      rename: async () => undefined,
    }),
    readMarkers: partOf<ChatContext['readMarkers']>({
      async joining() {
        return async () => {
          if (failsToRemoveMarker) throw new Error('broken');
          undone.push('marker');
        };
      },
      joined: () => undefined,
    }),
    roomReads: { joined: (_socket, { roomid }, clients) => welcomed.push([roomid, clients]) },
    textmsgAudience: partOf<ChatContext['textmsgAudience']>({
      async moved() {
        if (failsToRename) throw new Error('broken');
      },
    }),
    enforcement: partOf<ChatContext['enforcement']>({}),
    log: silentLog,
  });
  const outcome = await joinRoom(session, { roomid: 'tea', username: 'Bob', history: 10 }, context, () => {
    if (failsToAnswer) throw new Error('broken');
  }).catch(() => 'failed');
  return { outcome, undone, memberships, welcomed, isInSocketRoom: sockets.has(socketRoom(room)) };
}

describe('a join', () => {
  it('keeps what it acquired if it admits the connection', async () => {
    const { outcome, undone, memberships, isInSocketRoom } = await join({});
    expect([outcome, undone, [...memberships.keys()], isInSocketRoom]).toEqual([
      'answered',
      [],
      ['tea'],
      true,
    ]);
  });

  it('asks for the marks of the members only where somebody has read', async () => {
    expect((await join({})).welcomed).toEqual([]);
    expect((await join({ hasMarks: true })).welcomed).toEqual([['tea', 1]]);
  });

  it('that fails undoes the other steps if one cannot be undone', async () => {
    const { outcome, undone } = await join({ refusesPage: true, failsToRemoveMarker: true });
    expect(outcome).toMatchObject({ error: { code: 'unavailable' } });
    expect(undone).toEqual(['presence', 'lease']);
  });

  it.each<Faults>([{ failsToRename: true }, { failsToAnswer: true }, { json: 'not JSON' }])(
    'leaves no membership after %j',
    async (faults) => {
      const { outcome, undone, memberships, isInSocketRoom } = await join(faults);
      expect([outcome, undone, memberships.size, isInSocketRoom]).toEqual([
        'failed',
        ['marker', 'presence', 'lease'],
        0,
        false,
      ]);
    },
  );

  it('of a member that the roster does not count leaves it uncounted when it fails', async () => {
    const lease = { room, release: () => undefined };
    const membership: Membership = { room, lease, uncounted: true };
    const { undone, memberships } = await join({ failsToAnswer: true, membership });
    expect(undone).toEqual(['presence', 'lease']);
    expect(memberships.get('tea')).toMatchObject({ uncounted: true });
  });
});
