/** The kinds of calls to Redis, for the operator. */
export const REDIS_CALLS = [
  /** Stores and publishes an entry. */
  'append',
  /** Reads entries, and what is unread of them. */
  'read',
  /** Changes or reads the members of rooms. */
  'presence',
  /** Heartbeats, and reads of which workers live. */
  'lease',
  /** Inboxes, a person's rooms, pushes, remembered requests. */
  'people',
  'moderation',
  /** The queue of RATE_ADMIT. */
  'admission',
  /** The queue of webhooks. */
  'hook',
  'publish',
  /** Commands without a script. */
  'command',
] as const;

export type RedisCall = (typeof REDIS_CALLS)[number];

/** Called with the time from the moment a call is written until its reply is read. */
export type OnRedisReply = (call: RedisCall, ms: number) => void;
