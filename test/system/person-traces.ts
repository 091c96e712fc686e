import { expect } from 'vitest';
import { restrictionHash } from '../../src/backend/restriction-hash.ts';
import { inboxOf, roomOf } from '../../src/chat/room.ts';
import { eventually } from '../support/eventually.ts';
import type { Fixture } from '../support/fixture.ts';
import type { StoredRow } from '../support/stored-rows.ts';
import type { Mode, System } from '../support/system.ts';

/** Texts by which a person is found. None contains another one. */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** Part of all that the person and the other one have said where both can read it. */
  readonly said: string;
  /** Part of all that the person has taken back, and that nobody but the person was sent. */
  readonly own: string;
}

export interface Surroundings {
  readonly other: string;
  /** A room of both. */
  readonly room: string;
  /** A room of both that the person has left. */
  readonly left: string;
}

/** The hosts where they meet. */
interface Stage extends Pick<Fixture, 'at' | 'device'> {
  readonly system: Pick<System, 'keyHeader'>;
}

/** The places of a store where something of a person may be, by the tags of their rooms and inboxes. */
function placesOf({ id }: Person, { other, room, left }: Surroundings) {
  const [own, theirs] = [inboxOf('/', id).tag, inboxOf('/', other).tag];
  const [here, there] = [roomOf('/', room).tag, roomOf('/', left).tag];
  const rooms = `(${here}|${there})`;
  const places = [
    ['messages in rooms', `^rc:\\{${rooms}\\}:(log|replaced|beside)$|^(entries|beside) \\["${rooms}",`],
    ['bans and mutes in rooms', `^rc:\\{${rooms}\\}:restricted$|^restrictions "${rooms}:`],
    ['marks in rooms left before', `^rc:\\{${there}\\}:readers$`],
    ['inboxes of others', `^rc:\\{${theirs}\\}:log$|^entries \\["${theirs}",`],
    ['block lists of others', `^rc:\\{${theirs}\\}:blocked$|^blocks "${theirs}:`],
    ['bans from everything', `^rc:\\{${own}\\}:restricted$|^restrictions "${own}:`],
    ['receipts of pushes', '^rc:\\{[^}]+\\}:places$|^pushes '],
    ['answers to repeated requests', '^rc:\\{[^}]+\\}:claimed$|^claims '],
    ['positions of webhooks', '^rc:\\{hooks\\}:(states|listed|noted)$|^hookStates '],
    ['ends of rows', '^dues '],
  ] as const;
  return places.map(([what, pattern]) => ({ what, pattern: new RegExp(pattern) }));
}

/** The person does, and undergoes, all that a server stores something for, and is banned in the end. */
export async function leaveTraces(stage: Stage, person: Person, around: Surroundings): Promise<void> {
  const { id, name, said, own } = person;
  const { other, room, left } = around;
  const ann = await stage.device(stage.at(0), id, { auth: { username: name } });
  const bob = await stage.device(stage.at(1), other);

  async function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
    const answer = await fetch(`${stage.at(1)}/api/v1/${path}`, {
      method: 'POST',
      headers: { ...stage.system.keyHeader, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    expect([path, answer.status]).toEqual([path, 200]);
  }

  for (const roomid of [room, left]) {
    await ann.do('join', { roomid });
    await bob.do('join', { roomid });
    await ann.do('say', { roomid, text: said, clientMsgId: 'said' });
  }
  const edited = await ann.do('say', { roomid: room, text: own });
  await ann.do('edit', { roomid: room, seq: edited.seq, text: said });
  const deleted = await ann.do('say', { roomid: room, text: own });
  await ann.do('delete', { roomid: room, seq: deleted.seq });
  const answered = await bob.do('say', { roomid: room, text: said, mentions: [id] });
  await ann.do('react', { roomid: room, seq: answered.seq, reaction: '👍' });
  await ann.do('say', { roomid: room, text: said, mentions: [other], replyTo: answered.seq });
  await bob.do('say', { roomid: left, text: 'read by the person' });
  for (const roomid of [room, left]) await ann.do('room:read', { roomid, seq: 2 });
  await ann.do('leave', { roomid: left });

  await ann.do('private', { to: other, text: said, clientMsgId: 'private' });
  await bob.do('private', { to: id, text: said });
  await ann.do('todo', { receiver_id: other, text: said } as never);
  await bob.do('todo', { receiver_id: id, text: own } as never);
  await post('push', { users: [id, other], data: said }, { 'idempotency-key': `push-${room}` });
  await post('push', { users: [id], data: own });
  for (const member of [ann, bob])
    await eventually(async () => {
      const { items } = await member.do('inbox:list');
      expect(items.map(({ kind }) => kind)).toContain('mention');
    });
  await ann.do('inbox:ack', { read: 2 });
  await ann.do('block', { userId: other });
  await bob.do('block', { userId: id });

  await post(`rooms/${room}/mute`, { userId: id });
  await post(`rooms/${left}/ban`, { userId: id });
  await post(`users/${id}/ban`, {});
  await eventually(async () => {
    const answer = await fetch(`${stage.at(0)}/api/v1/users/${id}`, { headers: stage.system.keyHeader });
    expect(await answer.json()).toMatchObject({ connections: 0 });
  });
}

/** The kinds of places that have something of the person, each place of no such kind by its own name. */
export function tracesOf(rows: readonly StoredRow[], person: Person, around: Surroundings) {
  const { id, name, said, own } = person;
  const places = placesOf(person, around);
  const kindOf = ({ place }: StoredRow) => places.find(({ pattern }) => pattern.test(place))?.what ?? place;
  const having = (...texts: string[]) => {
    const found = rows.filter(({ text }) => texts.some((one) => text.includes(one)));
    return [...new Set(found.map(kindOf))].sort();
  };
  return {
    // A store may know a person by a hash of the id.
    person: having(id, inboxOf('/', id).tag, restrictionHash(id)),
    name: having(name),
    said: having(said),
    own: having(own),
  };
}

/** The traces of an erased person that the documents list as left. */
export function documentedTraces(mode: Mode): ReturnType<typeof tracesOf> {
  const seen = ['inboxes of others', 'messages in rooms'];
  return {
    person: [
      'answers to repeated requests',
      'bans and mutes in rooms',
      'bans from everything',
      'block lists of others',
      ...(mode === 'embedded' ? ['ends of rows'] : []),
      'inboxes of others',
      ...(mode === 'cluster' ? ['marks in rooms left before'] : []),
      'messages in rooms',
      'positions of webhooks',
      'receipts of pushes',
    ],
    name: seen,
    said: seen,
    own: [],
  };
}
