export type { ErrorCode, WireError } from '../protocol/codes.ts';
export type {
  Bye,
  Hello,
  Joined,
  MessagePage,
  PresenceMessage,
  RoomGap,
  RoomMessage,
  Said,
  SaidMessage,
  User,
} from '../protocol/events.ts';
export { type ChatClient, type ClientEvents, type ClientOptions, createClient } from './client.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { StateChange } from './connection.ts';
export type { Draft } from './outbox.ts';
export type { HistoryQuery, Room, RoomEvents, SayOptions } from './room.ts';
export type { ClientStorage } from './storage.ts';
