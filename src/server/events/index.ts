import type { EventName } from '../../protocol/payloads.ts';
import type { EventHandler } from '../context.ts';
import { block, blocksList } from './block.ts';
import * as changes from './changes.ts';
import { close } from './close.ts';
import { history } from './history.ts';
import { inboxAck, inboxList, receiptsList } from './inbox.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import { members } from './members.ts';
import { roomsMine } from './mine.ts';
import { moderate } from './moderate.ts';
import { privateMessage } from './private.ts';
import { read } from './read.ts';
import { say } from './say.ts';
import { signal } from './signal.ts';
import { textmsg } from './textmsg.ts';
import { todo } from './todo.ts';
import { tokenRefresh } from './token-refresh.ts';
import { typing } from './typing.ts';
import { userLogin } from './user-login.ts';

export const EVENTS: { readonly [E in EventName]: EventHandler<E> } = {
  join,
  leave,
  say,
  edit: changes.edit,
  delete: changes.delete,
  react: changes.react,
  moderate,
  'room:history': history,
  'room:members': members,
  'room:read': read,
  'rooms:mine': roomsMine,
  typing,
  signal,
  user_login: userLogin,
  'token:refresh': tokenRefresh,
  private: privateMessage,
  todo,
  textmsg,
  'inbox:list': inboxList,
  'inbox:ack': inboxAck,
  'receipts:list': receiptsList,
  block,
  'blocks:list': blocksList,
  close,
};
