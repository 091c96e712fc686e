import * as z from 'zod';
import { withBlankOptionals } from './blank-fields.ts';
import { stringifyFreeForm } from './free-form.ts';
import { messageOf } from './issues.ts';
import {
  DEFAULT_HISTORY,
  DEFAULT_INBOX_PAGE,
  DEFAULT_MEMBERS,
  MAX_HISTORY,
  MAX_INBOX_PAGE,
  MAX_JSON_DEPTH,
  MAX_MEMBERS,
  MAX_MENTIONS,
  MAX_SIGNAL_NAME_CHARS,
} from './limits.ts';
import {
  isVisible,
  isWellFormed,
  parseAvatar,
  parseClientMsgId,
  parseId,
  parseReaction,
  parseSignalName,
  parseUnreservedId,
  parseUnreservedUsername,
  parseUsername,
} from './names.ts';
import { MODERATION_ACTIONS, type ModerationAction } from './rooms.ts';

/** Any value, which the next step judges. The type says what a client may write there. */
const written = <Input>() => z.unknown() as z.ZodType<unknown, Input>;

/** A string field with its own grammar: parsed and normalised, or rejected under the field's name. */
function named<Input = string>(parse: (value: unknown) => string | undefined, grammar: string) {
  return written<Input>().transform((value, context): string => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: grammar, input: undefined });
    return z.NEVER;
  });
}

/** A safe integer counts as its digits. */
type Id = string | number;
const ID_GRAMMAR = 'must be 1 to 128 bytes of letters and digits of any script, inner spaces and _ - . : @ ~';
export const roomid = named<Id>(parseId, ID_GRAMMAR);
export const userId = named<Id>(parseId, ID_GRAMMAR);
const USERNAME_GRAMMAR =
  'must be 1 to 32 characters that can be seen: no control, direction or zero-width ones, which some emoji have';
export const username = named(parseUsername, USERNAME_GRAMMAR);
/** A client's own id or name, which must not pass for the server's. */
const ownUserId = named<Id>(parseUnreservedId, `${ID_GRAMMAR}, and is reserved if it is roomcast`);
const ownUsername = named(parseUnreservedUsername, `${USERNAME_GRAMMAR}; roomcast is reserved`);
export const avatar = named(parseAvatar, 'must be a short file name or an https: URL');
export const clientMsgId = named(parseClientMsgId, 'must be 1 to 64 printable ASCII characters');

const signalName = named(
  parseSignalName,
  `must be 1 to ${MAX_SIGNAL_NAME_CHARS} characters that can be seen`,
);
export const reaction = named(parseReaction, 'must be 1 to 32 characters that can be seen');

const WHOLE_CHARACTERS = 'must not hold half a character (a lone surrogate)';
const seq = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** A string without lone surrogates, and otherwise free. */
export const wellFormed = (field: z.ZodString) => field.refine(isWellFormed, WHOLE_CHARACTERS);
const epoch = wellFormed(z.string().min(1).max(64));
/** A client's position in a log. */
export const position = z.object({ epoch, seq });
export const text = wellFormed(z.string()).refine(isVisible, 'must not be empty');

const JSON_GRAMMAR = `must be JSON of whole characters, nested at most ${MAX_JSON_DEPTH} levels deep`;
/** Any JSON value, as its text. A setting limits its length, which is checked where the text is used. */
export const freeForm = z.unknown().transform((value, context): string => {
  const json = stringifyFreeForm(value);
  if (json !== undefined) return json;
  const message = value === undefined ? 'must be given, as any JSON' : JSON_GRAMMAR;
  context.addIssue({ code: 'custom', message, input: undefined });
  return z.NEVER;
});

/** The data of a message, where blank data counts as absent, as any optional field does. */
export const messageData = freeForm.refine((json) => json !== 'null' && json !== '""', JSON_GRAMMAR);

/** The `seq` of an entry. */
export const entrySeq = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
export const mentions = z
  .array(userId)
  .max(MAX_MENTIONS, { error: `must not name more than ${MAX_MENTIONS} users` })
  .transform((ids) => [...new Set(ids)]);
/** The content of a message: a text, data, or both. */
export const hasContent = ({ text: given, data }: { readonly text?: unknown; readonly data?: unknown }) =>
  given !== undefined || data !== undefined;
export const NEEDS_CONTENT = 'must not be empty, unless data is given';
export const noContent = (message: string) => ({ path: ['text'], message });

/** Ten years; a restriction without an end has no duration. */
const MAX_RESTRICTION_S = 315_360_000;
/** The duration of a ban or a mute. */
export const restrictionSeconds = z.number().int().min(1).max(MAX_RESTRICTION_S);
const TIMED: readonly ModerationAction[] = ['mute', 'ban'];

/** The sender's whole object; `json` is its text. */
const todo = withBlankOptionals(
  z.looseObject({ receiver_id: userId, clientMsgId: clientMsgId.optional() }),
).transform(({ receiver_id: to, clientMsgId: id }) => ({
  to,
  ...(id === undefined ? {} : { clientMsgId: id }),
}));

/** An object whose optional fields may be `null` or `''`. */
const fields = <S extends z.core.$ZodShape>(shape: S) => withBlankOptionals(z.object(shape));

const namedText = fields({
  name: ownUsername,
  avatar: avatar.optional(),
  content: text,
  to: username.optional(),
});

export const MAX_TOKEN_CHARS = 8_192;
/** Checked apart from the rest of a handshake: a malformed token is `unauthorized` and not `bad_request`. */
export const token = z.string().min(1).max(MAX_TOKEN_CHARS);
const MAX_CURSOR_CHARS = 256;

/**
 * The events that a client may send, with their payloads. `MAX_TEXT_BYTES` is a setting and is checked where the text
 * is used. Unknown keys are dropped, so handlers get validated fields only.
 */
export const PAYLOADS = {
  join: fields({
    username: ownUsername.optional(),
    avatar: avatar.optional(),
    roomid: roomid.optional(),
    resume: position.optional(),
    history: z.number().int().min(0).max(MAX_HISTORY).default(DEFAULT_HISTORY),
  }),
  leave: fields({ roomid: roomid.optional() }),
  say: fields({
    text: text.optional(),
    data: messageData.optional(),
    type: z.number().int().min(0).max(65_535).default(0),
    replyTo: entrySeq.optional(),
    mentions: mentions.optional(),
    roomid: roomid.optional(),
    clientMsgId: clientMsgId.optional(),
    echo: z.boolean().default(true),
  }).refine(hasContent, noContent(NEEDS_CONTENT)),
  edit: fields({
    roomid: roomid.optional(),
    seq: entrySeq,
    text: text.optional(),
    data: messageData.optional(),
    clientMsgId: clientMsgId.optional(),
  }).refine(hasContent, noContent('must be given, or data')),
  delete: fields({ roomid: roomid.optional(), seq: entrySeq, clientMsgId: clientMsgId.optional() }),
  react: fields({
    roomid: roomid.optional(),
    seq: entrySeq,
    reaction,
    on: z.boolean().default(true),
  }),
  moderate: fields({
    roomid: roomid.optional(),
    action: z.enum(MODERATION_ACTIONS, { error: `must be one of ${MODERATION_ACTIONS.join(', ')}` }),
    userId,
    seconds: restrictionSeconds.optional(),
  }).refine(({ action, seconds }) => seconds === undefined || TIMED.includes(action), {
    path: ['seconds'],
    message: 'is for mute and ban only',
  }),
  'room:history': fields({
    roomid: roomid.optional(),
    before: seq.optional(),
    after: seq.optional(),
    limit: z.number().int().min(1).max(MAX_HISTORY).default(DEFAULT_HISTORY),
  }).refine((query) => query.before === undefined || query.after === undefined, {
    path: ['after'],
    message: 'must not stand beside before',
  }),
  'room:members': fields({
    roomid: roomid.optional(),
    limit: z.number().int().min(1).max(MAX_MEMBERS).default(DEFAULT_MEMBERS),
    cursor: wellFormed(z.string().min(1).max(MAX_CURSOR_CHARS)).optional(),
  }),
  'room:read': fields({ roomid: roomid.optional(), seq }),
  'rooms:mine': fields({}),
  typing: fields({ roomid: roomid.optional(), on: z.boolean() }),
  signal: fields({
    roomid: roomid.optional(),
    name: signalName,
    data: messageData.optional(),
    to: userId.optional(),
  }),
  user_login: fields({ userId: ownUserId.optional(), tokenId: ownUserId.optional() }).refine(
    (login) => login.userId !== undefined || login.tokenId !== undefined,
    {
      path: ['userId'],
      message: ID_GRAMMAR,
    },
  ),
  'token:refresh': fields({ token: wellFormed(token) }),
  private: fields({
    to: userId.optional(),
    toName: username.optional(),
    roomid: roomid.optional(),
    text,
    clientMsgId: clientMsgId.optional(),
  }).refine((message) => (message.to === undefined) !== (message.toName === undefined), {
    path: ['to'],
    message: 'must be given, or toName instead',
  }),
  todo: written<z.input<typeof todo>>().transform((given, context) => {
    const parsed = todo.safeParse(given);
    const json = stringifyFreeForm(given);
    if (parsed.success && json !== undefined) return { ...parsed.data, json };
    const issues = parsed.error?.issues ?? [{ path: [], message: JSON_GRAMMAR }];
    for (const issue of issues) {
      const message = 'code' in issue ? messageOf(issue) : issue.message;
      context.addIssue({ code: 'custom', path: [...issue.path], message, input: undefined });
    }
    return z.NEVER;
  }),
  textmsg: z.union([text, namedText]),
  'inbox:list': fields({
    before: seq.optional(),
    limit: z.number().int().min(1).max(MAX_INBOX_PAGE).default(DEFAULT_INBOX_PAGE),
  }),
  'inbox:ack': fields({ recv: seq.optional(), read: seq.optional() }).refine(
    (ack) => ack.recv !== undefined || ack.read !== undefined,
    {
      path: ['recv'],
      message: 'must be given, or read',
    },
  ),
  'receipts:list': fields({}),
  block: fields({ userId, on: z.boolean().default(true) }),
  'blocks:list': fields({}),
  close: fields({}),
} as const;

export type EventName = keyof typeof PAYLOADS;
/** An event's payload as a client writes it. */
export type PayloadInput<E extends EventName> = z.input<(typeof PAYLOADS)[E]>;
/** The same after validation, defaults filled in. */
export type Payload<E extends EventName> = z.output<(typeof PAYLOADS)[E]>;

export const HANDSHAKE_QUERY = fields({
  roomid: roomid.optional(),
  username: ownUsername.optional(),
  avatar: avatar.optional(),
});

export const HANDSHAKE_AUTH = fields({
  username: ownUsername.optional(),
  avatar: avatar.optional(),
  userId: ownUserId.optional(),
  guestToken: wellFormed(z.string().max(512)).optional(),
  resume: position.optional(),
  /** A returning client's position in its inbox. */
  inbox: position.optional(),
  /** The client connects to another worker by itself after `bye` 3001, and then ends this connection. */
  moves: z.boolean().optional(),
  /** The client's name for this connection: the same over all its tries, another one for each of a user's connections. */
  connectId: wellFormed(z.string().max(64)).optional(),
  /** The client knows entries about entries. One that sends `moves` or `connectId` without it is an SDK of an earlier release. */
  changes: z.boolean().optional(),
});
