import * as z from 'zod';
import type { PushResult } from '../../chat/inbox/push-service.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import { MAX_PUSH_USERS } from '../../protocol/limits.ts';
import { at, count, data, entityType, tooLong, userId } from './fields.ts';
import { type ApiRoute, route } from './route.ts';

const MAX_TTL_S = 315_360_000;
/** Longer than any id of ours. The id becomes a key of the store, so it must be bounded. */
const MAX_PUSH_ID_CHARS = 64;

const tooMany = (field: string) => ({ error: `${field} must not be more than ${MAX_PUSH_USERS}` });

const reach = z
  .record(
    z.string(),
    z.object({
      live: count.describe('The user’s connections now.'),
      stored: z.boolean().describe('The item is in the user’s inbox.'),
    }),
  )
  .describe('Keyed by user id.');

/** A retry reaches the users for whom the store failed. */
function isStoredForAll(answer: { readonly reach: Readonly<Record<string, { readonly stored: boolean }>> }) {
  return Object.values(answer.reach).every(({ stored }) => stored);
}

/** Built from entries: a user may be called `__proto__`, which an assignment would lose. */
function reachOf(report: PushResult) {
  return Object.fromEntries(report.reach);
}

const push = route({
  method: 'POST',
  path: '/api/v1/push',
  operationId: 'push',
  paced: false,
  summary: 'Stores an item in the inboxes of users and sends it to all their connections.',
  body: z.object({
    users: z
      .array(userId)
      .min(1, { error: 'must hold a user id' })
      .max(MAX_PUSH_USERS, tooMany('the user ids'))
      .describe('Duplicates count once.'),
    entityType,
    data,
    kind: z
      .enum(['push', 'announcement', 'remind'])
      .default('push')
      .describe('An announcement arrives as one, the others as receive_message.'),
    ttlS: z
      .number()
      .int()
      .min(1)
      .max(MAX_TTL_S)
      .optional()
      .describe('The time after which the inbox no longer shows the item.'),
  }),
  answer: z.object({ id: z.string(), reach }),
  isComplete: isStoredForAll,
  async run({ nsp, operation, body }, { pushService, limits }) {
    const { users, data: json, kind, ttlS } = body;
    const refusal = tooLong(json, limits.maxTextBytes);
    if (refusal) return refusal;
    const pushed = await pushService.push({
      nsp,
      users: [...new Set(users)],
      entityType: body.entityType,
      kind,
      json,
      ttlS,
      operation,
    });
    return pushed.ok ? succeed({ id: pushed.value.id, reach: reachOf(pushed.value) }) : pushed;
  },
});

const receipts = route({
  method: 'GET',
  path: '/api/v1/push/:id',
  operationId: 'getPush',
  summary: 'The receipts of a push, for INBOX_TTL_S.',
  params: z.object({ id: z.string().max(MAX_PUSH_ID_CHARS, { error: 'is longer than that of any push' }) }),
  answer: z.object({
    id: z.string(),
    users: z
      .record(
        z.string(),
        z.object({
          state: z
            .enum(['queued', 'sent', 'delivered', 'read'])
            .describe(
              'sent: written to a connection. delivered and read: the user’s markers have passed it.',
            ),
          queuedAt: at,
          sentAt: at.optional(),
          deliveredAt: at.optional(),
          readAt: at.optional(),
        }),
      )
      .describe('Keyed by user id.'),
  }),
  async run({ nsp, params: { id } }, { pushService }) {
    const found = await pushService.receipts(id);
    if (!found.ok) return found;
    if (found.value.nsp !== nsp) return refuse('not_found', 'id: no such push');
    return succeed({ id, users: Object.fromEntries(found.value.users) });
  },
});

const NO_DATA = '{}';
const DONE = { responseCode: 0, data: 'OK!' } as const;

/** The wire format of an older push server, for back ends that still use it. */
const plainPush = route({
  method: 'POST',
  path: '/api',
  operationId: 'plainPush',
  paced: false,
  summary: 'The same as /api/v1/push under older names. Without users it reaches no one.',
  body: z.object({
    tokens: z
      .union([userId, z.array(userId).max(MAX_PUSH_USERS)], {
        error: `must be a user id, or at most ${MAX_PUSH_USERS} of them`,
      })
      .default([])
      .describe('User ids; duplicates count once.'),
    entityType,
    data: data.optional().describe('Any JSON, as for /api/v1/push; {} if absent.'),
  }),
  form: z.object({
    tokens: z
      .array(z.string())
      .optional()
      .describe('Repeated; also spelled tokens[] or tokens[0], tokens[1], ….'),
    entityType: z.string().optional(),
    data: z.string().optional().describe('One text, pushed as a text.'),
  }),
  answer: z.object({ responseCode: z.literal(0), data: z.literal('OK!'), id: z.string(), reach }),
  isComplete: isStoredForAll,
  async run({ nsp, operation, body }, { pushService, limits }) {
    const { tokens, entityType: about, data: json = NO_DATA } = body;
    const refusal = tooLong(json, limits.maxTextBytes);
    if (refusal) return refusal;
    const users = [...new Set(Array.isArray(tokens) ? tokens : [tokens])];
    const pushed = await pushService.push({ nsp, users, entityType: about, kind: 'push', json, operation });
    if (!pushed.ok) return pushed;
    return succeed({ ...DONE, id: pushed.value.id, reach: reachOf(pushed.value) });
  },
});

export const PUSH_ROUTES: readonly ApiRoute[] = [plainPush, push, receipts];
