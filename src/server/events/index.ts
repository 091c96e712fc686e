import type { EventName } from '../../protocol/payloads.ts';
import type { EventHandler } from '../context.ts';
import { close } from './close.ts';
import { history } from './history.ts';
import { inboxAck, inboxList } from './inbox.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import { privately } from './private.ts';
import { say } from './say.ts';
import { textmsg } from './textmsg.ts';
import { todo } from './todo.ts';
import { tokenRefresh } from './token-refresh.ts';
import { userLogin } from './user-login.ts';

export const EVENTS: { readonly [E in EventName]: EventHandler<E> } = {
  join,
  leave,
  say,
  'room:history': history,
  user_login: userLogin,
  'token:refresh': tokenRefresh,
  private: privately,
  todo,
  textmsg,
  'inbox:list': inboxList,
  'inbox:ack': inboxAck,
  close,
};
