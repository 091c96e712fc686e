import type { EventName } from '../../protocol/payloads.ts';
import type { EventHandler } from '../context.ts';
import { close } from './close.ts';
import { history } from './history.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import { say } from './say.ts';

export const EVENTS: { readonly [E in EventName]: EventHandler<E> } = {
  join,
  leave,
  say,
  'room:history': history,
  close,
};
