import { createLiveFindings } from '../checker/live/findings.ts';
import { MemberOrder } from '../checker/live/member-order.ts';
import { createRoomBlocks, type RoomBlock } from '../checker/live/room-blocks.ts';
import { RoomCheck } from '../checker/live/room-check.ts';
import { createSenderRecord, type SenderRecord } from '../checker/live/sender-record.ts';
import { UnnumberedRoom } from '../checker/live/unnumbered-room.ts';
import { Client, type ClientDeps, type Judged } from './client.ts';
import type { ClientSpec, ConnectOrder, RoomTop } from './orders.ts';
import { Sender, type SenderDeps } from './sender.ts';

const KEPT = 64;
/** Members on different servers may be that far apart, and more. */
const LEAST_KEPT_UNNUMBERED = 256;
/** More than any benchmark leaves unanswered. */
const RING = 8_192;

export interface MembersDeps {
  readonly order: ConnectOrder;
  readonly client: ClientDeps;
  readonly nextTextBytes: () => number;
}

/** Makes clients with what judges them: the check of their room, and what they said there. */
export interface Members {
  readonly clients: readonly Client[];
  readonly senders: readonly Sender[];
  create(spec: ClientSpec): Client;
  /** The blocks that became whole since the last call, at the end all, of the rooms that several processes share. */
  takeBlocks(isEnd: boolean): RoomBlock[];
  /** The newest acked message of each room, in its newest epoch. */
  tops(): RoomTop[];
  /** Acked messages in whose place others came. */
  replaced(): number;
  /** Deliveries whose content could not be compared. */
  uncompared(): number;
  /** Pairs of messages in different orders; undefined if a server's numbers, or its promise, forbid any. */
  reordered(): number | undefined;
}

export function createMembers({ order, client: clientDeps, nextTextBytes }: MembersDeps): Members {
  const { talk } = order;
  const { dialect, ledger, clock, nameOf } = clientDeps;
  const rooms = new Map<string, RoomCheck>();
  const unnumberedRooms = new Map<string, UnnumberedRoom>();
  const shared = new Map(order.sharedRooms?.map((room) => [room, createRoomBlocks(room)]));
  const records = new Map<number, SenderRecord>();
  const clients: Client[] = [];
  const senders: Sender[] = [];

  function roomCheckOf(room: string): RoomCheck {
    const known = rooms.get(room);
    if (known) return known;
    const check = new RoomCheck({
      room,
      kept: talk.kept ?? KEPT,
      read: dialect.read,
      nameOf,
      checkSender(origin, number, epoch) {
        return records.get(origin.client)?.delivered(origin.number, number, epoch);
      },
      findings: ledger.findings,
      blocks: shared.get(room),
    });
    rooms.set(room, check);
    return check;
  }

  function unnumberedRoomOf(room: string): UnnumberedRoom {
    const { roomOrder = false, ownMessages = true } = dialect.promises ?? {};
    const known = unnumberedRooms.get(room);
    if (known) return known;
    const check = new UnnumberedRoom({
      room,
      kept: Math.max(LEAST_KEPT_UNNUMBERED, talk.kept ?? KEPT),
      roomOrder,
      ownMessages,
      acknowledged: dialect.unacknowledged !== true,
      nameOf,
      findings: ledger.findings,
    });
    unnumberedRooms.set(room, check);
    return check;
  }

  /** A sender whose answers go into that record. */
  function addSender(own: Pick<SenderDeps, 'client' | 'record' | 'nextNumber' | 'onEpoch'>): Sender {
    const { textBytes, unacked: ring = RING } = talk;
    const sender = new Sender({ dialect, ledger, clock, textBytes, nextTextBytes, ring, ...own });
    senders.push(sender);
    return sender;
  }

  function unnumberedSenderOf(client: Client, { room, member }: NonNullable<Judged['unnumbered']>) {
    const record = room.recordOf(member);
    const nextNumber = () => room.say(member);
    return addSender({ client, record, nextNumber, onEpoch: () => undefined });
  }

  function createUnnumbered(spec: ClientSpec, room: string): Client {
    const check = unnumberedRoomOf(room);
    const unnumbered = { room: check, member: check.createMember(spec.id) };
    const order = new MemberOrder(`client ${spec.id} in ${room}`, ledger.findings);
    const client = new Client(spec, { order, check: undefined, unnumbered }, clientDeps);
    if (spec.role !== 'member') client.sender = unnumberedSenderOf(client, unnumbered);
    clients.push(client);
    return client;
  }

  function senderOf(client: Client, check: RoomCheck): Sender {
    const record = createSenderRecord({
      numbered: dialect.numberedBy === 'server',
      isOthers: (seq, number) => check.isOthers(seq, client.spec.id, number),
    });
    records.set(client.spec.id, record);
    return addSender({ client, record, onEpoch: (epoch) => check.enterEpoch(epoch) });
  }

  return {
    clients,
    senders,
    create(spec) {
      const { id, room, role } = spec;
      if (room !== undefined && dialect.numberedBy === 'driver') return createUnnumbered(spec, room);
      const check = room === undefined ? undefined : roomCheckOf(room);
      // A client without a room of its own gets no messages to judge.
      const findings = room === undefined ? createLiveFindings() : ledger.findings;
      const order = new MemberOrder(`client ${id} in ${room}`, findings);
      const client = new Client(spec, { order, check }, clientDeps);
      if (role !== 'member' && check !== undefined) client.sender = senderOf(client, check);
      clients.push(client);
      return client;
    },
    takeBlocks: (isEnd) => [...shared.values()].flatMap((blocks) => blocks.take(isEnd)),
    tops() {
      const tops = new Map<string, number>();
      for (const { room, epoch, top } of senders)
        if (epoch === rooms.get(room)?.epoch) tops.set(room, Math.max(top, tops.get(room) ?? 0));
      return [...rooms].map(([room, { epochs }]) => ({ room, epochs, top: tops.get(room) ?? 0 }));
    },
    replaced: () => [...records.values()].reduce((sum, record) => sum + record.undelivered().length, 0),
    uncompared: () =>
      [...rooms.values(), ...unnumberedRooms.values()].reduce((sum, check) => sum + check.uncompared, 0),
    reordered: () =>
      dialect.numberedBy !== 'driver' || dialect.promises?.roomOrder
        ? undefined
        : [...unnumberedRooms.values()].reduce((sum, { reordered }) => sum + reordered, 0),
  };
}
