import { stringifyFreeForm } from '../protocol/free-form.ts';
import { JSON_BYTES_PER_TEXT_BYTE, MAX_JSON_DEPTH, MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { parseClientMsgId, parseId } from '../protocol/names.ts';
import type { Posted } from '../protocol/people.ts';
import { ClientError } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import { bytes, checkLength, checkMessageId, checkText, MAX_WRITTEN_BYTES } from './drafts.ts';
import type { InboxItem } from './inbox-item.ts';
import { newMessageId } from './message-id.ts';
import { createOutbox, type OutboxDeps, type Unsent } from './outbox.ts';

interface ToSomebody extends Unsent {
  /** A user id. */
  readonly to: string;
  /** Who wrote it; absent of guests, who may come back under another id. */
  readonly by?: string;
}

/** Something for one person that is not acked yet. */
export type Letter =
  | (ToSomebody & { readonly kind: 'private'; readonly text: string })
  | (ToSomebody & { readonly kind: 'todo'; readonly data: Readonly<Record<string, unknown>> });

export interface LetterOptions {
  /** Made up when not given; a repeated one is stored once. */
  readonly clientMsgId?: string;
}

export interface LettersDeps
  extends Pick<
    OutboxDeps<Letter, Posted>,
    'dedupeMs' | 'onChange' | 'onStored' | 'onFailed' | 'now' | 'random'
  > {
  readonly connection: Pick<Connection, 'ask'>;
  /** Undefined before the first connection. */
  readonly maxTextBytes: () => number | undefined;
  /** Who we are now; undefined of a guest, and before the first connection. */
  readonly author: () => string | undefined;
  /** Why nothing more may wait. */
  readonly crowded: () => ClientError | undefined;
}

/** What is sent to people: like a room's messages it is sent until it is stored. */
export interface Letters {
  private(to: string, text: string, options: LetterOptions): Promise<Posted>;
  todo(to: string, data: object, options: LetterOptions): Promise<Posted>;
  restore(letters: readonly Letter[]): void;
  letters(): readonly Letter[];
  /** Whether it may be one of these that was stored although no ack came. */
  awaits(item: InboxItem): boolean;
  up(): void;
  down(): void;
  /** The server does not want us for now: nothing waits any longer. */
  stop(error: ClientError): void;
  end(error: ClientError): void;
}

export function createLetters(deps: LettersDeps): Letters {
  const { connection, author } = deps;
  const outboxDeps: OutboxDeps<Letter, Posted> = {
    ...deps,
    check,
    send(letter, answered) {
      const { to, clientMsgId } = letter;
      if (letter.kind === 'private') {
        const payload = { to, text: letter.text, clientMsgId };
        connection.ask('private', payload, (answer) => answered(answer && outcomeOf(answer)));
      } else {
        connection.ask('todo', todoOf(letter), (answer) => answered(answer && outcomeOf(answer)));
      }
    },
  };
  let outbox = createOutbox(outboxDeps);

  function check(letter: Letter): ClientError | undefined {
    const now = author();
    if (letter.by !== undefined && letter.by !== now) {
      return new ClientError('forbidden', `to ${letter.to}: it was written by somebody else`);
    }
    const limit = deps.maxTextBytes() ?? MAX_PACKET_BYTES;
    if (letter.kind === 'private') return checkLength(letter.text, limit);
    const most = Math.min(limit * JSON_BYTES_PER_TEXT_BYTE, MAX_WRITTEN_BYTES);
    if (bytes(JSON.stringify(todoOf(letter))) <= most) return undefined;
    return new ClientError('too_large', `todo: must not be longer than ${most} bytes as JSON`);
  }

  function add(letter: Letter): Promise<Posted> {
    const problem = deps.crowded() ?? check(letter);
    return problem ? Promise.reject(problem) : outbox.add(letter);
  }

  function addressed(given: string, clientMsgId: string): ToSomebody | ClientError {
    const to = parseId(given);
    const by = author();
    if (to === undefined) return new ClientError('bad_request', 'to: not a user id');
    return checkMessageId(clientMsgId) ?? { to, clientMsgId, ...(by === undefined ? {} : { by }) };
  }

  return {
    private(to, text, { clientMsgId = newMessageId() }) {
      const address = addressed(to, clientMsgId);
      if (address instanceof ClientError) return Promise.reject(address);
      const problem = checkText(text);
      return problem ? Promise.reject(problem) : add({ ...address, kind: 'private', text });
    },
    todo(to, data, { clientMsgId = newMessageId() }) {
      const address = addressed(to, clientMsgId);
      if (address instanceof ClientError) return Promise.reject(address);
      const json = isPlainObject(data) ? stringifyFreeForm(data) : undefined;
      if (json === undefined) {
        const grammar = `todo: must be a JSON object, nested at most ${MAX_JSON_DEPTH} levels deep`;
        return Promise.reject(new ClientError('bad_request', grammar));
      }
      // A copy: the application may go on changing its own.
      return add({ ...address, kind: 'todo', data: JSON.parse(json) });
    },
    restore(letters) {
      for (const letter of letters) void outbox.add(letter);
    },
    letters: () => outbox.drafts(),
    awaits(item) {
      if (item.kind !== 'private') return false;
      const { to, text } = item.data;
      return outbox
        .drafts()
        .some(
          (letter) =>
            letter.kind === 'private' &&
            letter.firstSentAt !== undefined &&
            letter.to === to &&
            letter.text === text,
        );
    },
    up: () => outbox.open(),
    down: () => outbox.shut(),
    stop(error) {
      outbox.end(error);
      outbox = createOutbox(outboxDeps);
    },
    end: (error) => outbox.end(error),
  };
}

type Todo = Extract<Letter, { kind: 'todo' }>;

/** As it is sent and as its receiver gets it: its own keys with the two the server reads. */
function todoOf({ to, clientMsgId, data }: Todo) {
  return { ...data, receiver_id: to, clientMsgId };
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of a storage, where anything may stand. */
export function parseLetters(value: unknown): readonly Letter[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((letter: { [key in string]?: unknown } | null) => {
    if (parseId(letter?.to) === undefined || parseClientMsgId(letter?.clientMsgId) === undefined)
      return false;
    if (letter?.kind === 'private') return typeof letter.text === 'string';
    return letter?.kind === 'todo' && typeof letter.data === 'object' && letter.data !== null;
  });
}
