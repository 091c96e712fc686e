export type { ErrorCode, WireError } from '../protocol/codes.ts';
export type { Ack, Bye, ClientToServer, Hello, ServerToClient } from '../protocol/events.ts';
export type { EventName, PayloadInput } from '../protocol/payloads.ts';
export type {
  InboxPage,
  Item,
  ItemKind,
  MentionPlace,
  Receipt,
  SendAck,
  TextMessage,
  User,
} from '../protocol/people.ts';
export type { Right } from '../protocol/rights.ts';
export type {
  ChatMessage,
  DeletedMessage,
  EditedMessage,
  Joined,
  MemberPage,
  MessagePage,
  ModerationAction,
  Muted,
  MyRoom,
  PresenceMessage,
  ReactedMessage,
  Reaction,
  Reads,
  Removed,
  RoomEntry,
  RoomGap,
  RoomMember,
  RoomMessage,
  SayAck,
  Signal,
  Typing,
} from '../protocol/rooms.ts';
export type { CallOptions } from './call-options.ts';
export type { ChatClient, ClientEvents, ClientOptions, JoinOptions } from './chat-client.ts';
export { createClient } from './client.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { StateChange } from './connection.ts';
export type {
  DirectMessage,
  /** @deprecated The former name. */
  DirectMessage as Letter,
  DirectMessageOptions,
  /** @deprecated The former name. */
  DirectMessageOptions as LetterOptions,
  NamedReceiver,
} from './direct-messages.ts';
export type { Draft, SayOptions } from './drafts.ts';
export type { InboxItem, ItemOrigin } from './inbox-item.ts';
export type { Members } from './member-list.ts';
export {
  fold,
  type JoinedRoom,
  type ReceivedEntry,
  type ReceivedMessage,
  type ReceivedPage,
} from './own-messages.ts';
export type {
  Blocks,
  Inbox,
  InboxMarkers,
  /** @deprecated The former name. */
  InboxMarkers as InboxMarks,
  InboxQuery,
} from './people.ts';
export type {
  Edit,
  HistoryQuery,
  MemberQuery,
  MessageSource,
  PersistentRoom,
  Room,
  RoomEvents,
} from './room.ts';
export type { MyRooms, SendableEvent } from './server-requests.ts';
export type { ClientStorage } from './storage.ts';
