import type { Surface } from './campaign.ts';
import { api } from './surfaces/api.ts';
import { bus } from './surfaces/bus.ts';
import { events } from './surfaces/events.ts';
import { frames } from './surfaces/frames.ts';
import { frontDoor } from './surfaces/front-door.ts';
import { handshake } from './surfaces/handshake.ts';
import { packets } from './surfaces/packets.ts';
import { polling } from './surfaces/polling.ts';

/** Every door that somebody outside, or beside us on the bus, can knock at. */
export const SURFACES = [
  events,
  packets,
  frames,
  polling,
  handshake,
  api,
  frontDoor,
  bus,
] as readonly Surface[];
