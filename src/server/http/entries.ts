import * as z from 'zod';
import { at, count } from './fields.ts';

/*
 * The entries of a room's log, and the answer to what adds one, as the API describes them.
 */

export const person = z.object({ username: z.string(), userId: z.string(), avatar: z.string().optional() });
const author = person.pick({ userId: true, username: true }).meta({ id: 'Author' });
const position = { roomid: z.string(), epoch: z.string(), seq: count, id: z.string(), at };
const json = z.unknown();

const saidMessage = z
  .object({
    event: z.literal('broadcast_say'),
    ...position,
    clientMsgId: z.string().optional(),
    replyTo: count.optional().describe('The seq of the message that it answers.'),
    mentions: z.array(z.string()).optional().describe('User ids.'),
    from: z.literal('service').optional().describe('A back end sent the message, in whatever name.'),
    deleted: z.literal(true).optional().describe('The message was deleted; its data is empty.'),
    edited: z.object({ at, seq: count }).optional().describe('The newest edit.'),
    reactions: z
      .array(
        z.object({
          reaction: z.string(),
          count,
          users: z.array(z.string()).describe('The first ten user ids.'),
        }),
      )
      .optional(),
    replies: count.optional().describe('The number of messages that answer this one.'),
    revision: count.optional().describe('The newest entry that this form of the message takes into account.'),
    data: person.extend({
      text: z.string(),
      type: z.number().int(),
      data: json.optional().describe('The JSON beside the text.'),
    }),
  })
  .meta({ id: 'Message' });

const ref = count.describe('The seq of the message.');

const deletedMessage = z
  .object({
    event: z.literal('deleted'),
    ...position,
    clientMsgId: z.string().optional(),
    ref,
    by: author.optional(),
  })
  .meta({ id: 'Deletion', description: '`by` is absent if a back end deleted the message.' });

const editedMessage = z
  .object({
    event: z.literal('edited'),
    ...position,
    clientMsgId: z.string().optional(),
    ref,
    data: z
      .object({ text: z.string().optional(), data: json.optional(), type: z.number().int().optional() })
      .describe(
        'The fields of the message’s data that are replaced. Empty once another edit follows or the message is deleted.',
      ),
    by: author,
  })
  .meta({ id: 'Edit' });

const reactedMessage = z
  .object({
    event: z.literal('reacted'),
    ...position,
    ref,
    data: z.object({
      reaction: z.string(),
      on: z.boolean().describe('False: the user took the reaction back.'),
    }),
    by: author,
  })
  .meta({ id: 'Reaction' });

export const roomEntry = z
  .discriminatedUnion('event', [saidMessage, editedMessage, deletedMessage, reactedMessage])
  .meta({
    id: 'RoomEntry',
    discriminator: {
      propertyName: 'event',
      mapping: { broadcast_say: 'Message', edited: 'Edit', deleted: 'Deletion', reacted: 'Reaction' },
    },
  });

export const storedAnswer = z
  .object({
    ...position,
    dup: z.literal(true).optional().describe('This was done before; the answer is the first one.'),
  })
  .meta({ id: 'StoredEntry' });
