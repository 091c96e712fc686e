import * as z from 'zod';
import { roomEntry } from './entries.ts';
import { at, count, until } from './fields.ts';
import type { Frozen } from './frozen.ts';
import { refusalError } from './refusal-answers.ts';

/*
 * The lines of an export, in this order: header, exclusion, inbox, block, item, then each room with its messages, and end or
 * error.
 */

const header = z.object({
  type: z.literal('header'),
  userId: z.string(),
  ns: z.string(),
  at: z.number().int().describe('The beginning of the export, ms since 1970.'),
  lacks: z.array(z.string()).describe('What may be stored about the user and is not in the export.'),
});

const exclusion = z
  .object({
    type: z.literal('exclusion'),
    ban: z.object({ until }).optional(),
    revokedBefore: z.number().int().optional().describe('Tokens issued before this time are void.'),
  })
  .describe('Only if the user is banned everywhere, or tokens are revoked by their time.');

const inbox = z.object({
  type: z.literal('inbox'),
  recvSeq: count.describe('A device has received everything up to here.'),
  readSeq: count.describe('The user has read everything up to here.'),
});

const block = z.object({ type: z.literal('block'), userId: z.string() }).describe('A user who is blocked.');

const item = z.object({
  type: z.literal('item'),
  item: z.object({
    id: z.string(),
    seq: count,
    at,
    kind: z.enum(['private', 'todo', 'push', 'announcement', 'remind', 'mention']),
    from: z.object({ id: z.string(), name: z.string(), avatar: z.string().optional() }).optional(),
    entityType: z.string().optional(),
    data: z.unknown(),
  }),
  expiresAt: z.number().optional().describe('The inbox does not show the item from this time on.'),
  sentAt: at.optional().describe('Only of an item from a back end, as in getPush.'),
  deliveredAt: at.optional(),
  readAt: at.optional(),
});

const room = z
  .object({
    type: z.literal('room'),
    roomid: z.string(),
    readSeq: count.describe('The user has read everything up to here.'),
    ban: z.object({ until }).optional(),
    mute: z.object({ until }).optional(),
  })
  .describe('A room that the user has joined and not left.');

const message = z
  .object({ type: z.literal('message'), message: roomEntry })
  .describe('A message of the user in the room before it, or a change of a message by the user.');

const error = z
  .object({ type: z.literal('error'), error: refusalError })
  .describe('The last line of an export that could not be finished.');

const end = z
  .object({ type: z.literal('end'), blocks: count, items: count, rooms: count, messages: count })
  .describe('The last line of a whole export: the number of its lines.');

/** One line of an export. */
export const exportLine = z.discriminatedUnion('type', [
  header,
  exclusion,
  inbox,
  block,
  item,
  room,
  message,
  error,
  end,
]);

export type ExportLine = Frozen<z.output<typeof exportLine>>;
