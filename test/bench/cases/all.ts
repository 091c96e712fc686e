import type { Case } from '../case.ts';
import { BACKGROUND } from './background.ts';
import { BUS_GROWTH } from './bus-growth.ts';
import { CONNECT } from './connect.ts';
import { COSTS } from './costs.ts';
import { EMBEDDED_MODE } from './embedded.ts';
import { FAN_OUT } from './fan-out.ts';
import { IDLE } from './idle.ts';
import { IDLE_MEMORY } from './idle-memory.ts';
import { LATENCY } from './latency.ts';
import { LATENCY_BY_LOAD } from './latency-by-load.ts';
import { OVERLOAD } from './overload.ts';
import { PRESENCE_STORM } from './presence-storm.ts';
import { SLOW_READER } from './slow-reader.ts';
import { SMALL_ROOMS } from './small-rooms.ts';

export const CASES: readonly Case[] = [
  FAN_OUT,
  SMALL_ROOMS,
  IDLE_MEMORY,
  IDLE,
  CONNECT,
  BUS_GROWTH,
  SLOW_READER,
  LATENCY,
  LATENCY_BY_LOAD,
  EMBEDDED_MODE,
  PRESENCE_STORM,
  OVERLOAD,
  BACKGROUND,
  COSTS,
];
