import type { ClientSpec } from '../../src/load/driver/orders.ts';
import type { System } from './systems/system.ts';

export interface CrowdPlan {
  readonly rooms: number;
  readonly members: number;
  readonly ports: readonly number[];
  /** Which port the member of a room takes; the first by default. */
  readonly portOf?: (room: number, member: number) => number;
  /** First part of the rooms' names. */
  readonly name?: string;
  readonly firstId?: number;
  /** How many members of each room talk. */
  readonly speakers?: number;
}

/** Rooms full of members, of whom the first talk. */
export function crowdOf({ dialectName }: System, plan: CrowdPlan): ClientSpec[] {
  const { rooms, members, ports, name = 'room', firstId = 0, speakers = 1 } = plan;
  const portOf = plan.portOf ?? (() => ports[0] as number);
  const apart = dialectName === 'nchan';
  const clients: ClientSpec[] = [];
  let id = firstId;
  const add = (room: number, member: number, role: ClientSpec['role']) => {
    clients.push({ id, port: portOf(room, member), room: `${name}${room}`, role });
    id += 1;
  };
  for (let room = 0; room < rooms; room += 1) {
    for (let member = 0; member < members; member += 1) {
      add(room, member, member < speakers && !apart ? 'speaker' : 'member');
    }
    if (apart) add(room, 0, 'publisher');
  }
  return clients;
}

/** Spreads the members of every room over all workers. */
export function spreadOver(ports: readonly number[]): (room: number, member: number) => number {
  return (room, member) => ports[(room + member) % ports.length] as number;
}

/** Puts all members of a room on one worker, and the rooms on all. */
export function together(ports: readonly number[]): (room: number) => number {
  return (room) => ports[room % ports.length] as number;
}
