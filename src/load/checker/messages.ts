import type { FailRecord, InfoRecord, InvokeRecord, OkRecord } from './history.ts';
import type { Counts } from './verdict.ts';

/** A number of a room's epoch. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** One logical message over all its attempts. */
export interface Message {
  readonly id: string;
  readonly room: string;
  readonly sender: string;
  readonly text: string;
  /** The sending connection is not sent it. */
  readonly unechoed: boolean;
  /** When the first attempt began. */
  readonly invokedAt: number;
  invokes: number;
  fails: number;
  unanswered: boolean;
  /** When the first ack came. */
  okAt?: number;
  /** The sender's latest acked message in the room when it sent this one. */
  readonly after?: Place;
  /** The known positions, complete when all records are in. More than one is a fault, or a lost tail. */
  readonly places: Place[];
}

export type Ending = 'acked' | 'refused' | 'unknown';

/** Refusals after which the message may be stored all the same (the store's `append` says so). */
const AMBIGUOUS_CODES: ReadonlySet<string> = new Set(['unavailable', 'internal']);

export function endingOf({ okAt, unanswered, fails, invokes }: Message): Ending {
  if (okAt !== undefined) return 'acked';
  return !unanswered && fails >= invokes ? 'refused' : 'unknown';
}

export interface Messages {
  /** False: the id was invoked before with another client, room or text. */
  invoke(record: InvokeRecord, after: Place | undefined): boolean;
  /** False if no client sent it in this room. */
  answer(record: OkRecord | FailRecord | InfoRecord): boolean;
  get(id: string): Message | undefined;
  /** Finds a message that came without a clientMsgId. Call it only when all records are in. */
  like(room: string, sender: string, text: string): Message | undefined;
  all(): Iterable<Message>;
}

export function createMessages(): Messages {
  const byId = new Map<string, Message>();
  let byContent: Map<string, Message> | undefined;
  return {
    invoke({ t, client, room, id, text, echo }, after) {
      const known = byId.get(id);
      if (!known) {
        byId.set(id, {
          id,
          room,
          sender: client,
          text,
          unechoed: echo === false,
          invokedAt: t,
          invokes: 1,
          fails: 0,
          unanswered: false,
          ...(after && { after }),
          places: [],
        });
        return true;
      }
      known.invokes += 1;
      return known.sender === client && known.room === room && known.text === text;
    },
    answer(record) {
      const message = byId.get(record.id);
      if (!message || message.room !== record.room || message.sender !== record.client) return false;
      if (record.kind === 'ok') message.okAt ??= record.t;
      else if (record.kind === 'info' || AMBIGUOUS_CODES.has(record.code)) message.unanswered = true;
      else message.fails += 1;
      return true;
    },
    get: (id) => byId.get(id),
    like(room, sender, text) {
      byContent ??= new Map(Array.from(byId.values(), (known) => [contentKey(known), known]));
      return byContent.get(contentKey({ room, sender, text }));
    },
    all: () => byId.values(),
  };
}

function contentKey({ room, sender, text }: Pick<Message, 'room' | 'sender' | 'text'>): string {
  return JSON.stringify([room, sender, text]);
}

export function countEndings(messages: Messages, countsOf: (room: string) => Counts): void {
  for (const message of messages.all()) countsOf(message.room)[endingOf(message)] += 1;
}
