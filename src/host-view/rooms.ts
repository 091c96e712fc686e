import type { ActiveRoom, RoomActivity } from '../room-activity.ts';
import type { RoomView } from './view.ts';

const SHOWN_ROOMS = 20;

/**
 * Adds up the parts of each room on the workers of a host. A worker reports more rooms than are shown, so that a room that is
 * large on one worker and smaller on another is in both reports.
 */
export function mergeRooms(reports: readonly Pick<RoomActivity, 'largest' | 'busiest'>[]): {
  readonly largest: readonly RoomView[];
  readonly busiest: readonly RoomView[];
} {
  const rooms = new Map<string, RoomView>();
  for (const { largest, busiest } of reports) {
    const ofWorker = new Map([...largest, ...busiest].map((room) => [`${room.nsp}\0${room.roomid}`, room]));
    for (const [name, room] of ofWorker) rooms.set(name, joined(rooms.get(name), room));
  }
  const all = [...rooms.values()];
  return {
    largest: top(all, ({ clients }) => clients),
    busiest: top(all, ({ deliveries }) => deliveries),
  };
}

/** Every worker with members writes each message of the room once. */
function joined(one: RoomView | undefined, other: ActiveRoom): RoomView {
  return {
    nsp: other.nsp,
    roomid: other.roomid,
    clients: (one?.clients ?? 0) + other.clients,
    messages: Math.max(one?.messages ?? 0, other.messages),
    deliveries: (one?.deliveries ?? 0) + other.deliveries,
  };
}

function top(rooms: readonly RoomView[], score: (room: RoomView) => number): RoomView[] {
  return rooms
    .filter((room) => score(room) > 0)
    .sort((one, other) => score(other) - score(one) || (one.roomid < other.roomid ? -1 : 1))
    .slice(0, SHOWN_ROOMS)
    .map((room) => ({ ...room, messages: tenths(room.messages), deliveries: tenths(room.deliveries) }));
}

const tenths = (value: number) => Math.round(value * 10) / 10;
