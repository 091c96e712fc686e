import type { ChatMessage, SayAck } from '../protocol/rooms.ts';
import { ClientError } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import { type Draft, withAuthor } from './drafts.ts';
import type { OutboxDeps } from './outbox.ts';
import { createStoppableOutbox, type StoppableOutbox } from './stoppable-outbox.ts';

export interface RoomOutboxDeps
  extends Pick<
    OutboxDeps<Draft, SayAck>,
    'check' | 'dedupeMs' | 'onStored' | 'onFailed' | 'onChange' | 'now' | 'random' | 'rejoin'
  > {
  readonly connection: Pick<Connection, 'ask'>;
  /** The error of one message too many. */
  readonly crowded: () => ClientError | undefined;
  /** The current user's id, before the first connection the expected one. */
  readonly userId: () => string | undefined;
  /** True: a failed message stays until the application retries or discards it. */
  readonly keepsFailed: () => boolean;
}

/** The messages of this client that one room does not have yet. */
export interface RoomOutbox extends Pick<StoppableOutbox<Draft, SayAck>, 'open' | 'shut' | 'stop' | 'end'> {
  say(draft: Draft): Promise<SayAck>;
  /** A caller gives its message up, which is dropped unless it was sent. */
  withdraw(clientMsgId: string, error: ClientError): void;
  /** Adds the messages of an earlier run before those that wait already. */
  restore(drafts: readonly Draft[]): void;
  /** Messages without an author are this user's. */
  assignAuthor(userId: string): void;
  /** All messages in the order written, failed ones among them. */
  drafts(): readonly Draft[];
  /** The number of messages that will be sent by themselves. */
  waiting(): number;
  retry(clientMsgId: string): Promise<SayAck>;
  discard(clientMsgId: string): void;
  /** The room has this message, so it did not fail. False: the application asked not to receive it, its own. */
  accepts(message: ChatMessage): boolean;
}

/** The server does not replay messages acked long ago. */
const MAX_SILENT = 1_000;

export function createRoomOutbox(deps: RoomOutboxDeps): RoomOutbox {
  const { connection, crowded, onChange } = deps;
  const failed = new Map<string, Draft>();
  /** The clientMsgIds of all drafts, in the order written. */
  let written = new Set<string>();
  /** The clientMsgIds of own messages with `echo: false`. */
  const silent = new Set<string>();
  const outbox = createStoppableOutbox<Draft, SayAck>({
    ...deps,
    send({ roomid, clientMsgId, text, type, data, replyTo, mentions, echo }, answered) {
      const payload = {
        roomid,
        clientMsgId,
        text,
        type,
        data,
        replyTo,
        mentions: mentions && [...mentions],
        echo,
      };
      connection.ask('say', payload, (answer) => answered(answer && outcomeOf(answer)));
    },
    onStored(said, draft) {
      written.delete(draft.clientMsgId);
      deps.onStored(said, draft);
    },
    onFailed: fail,
  });

  function fail(error: ClientError, draft: Draft): void {
    silent.delete(draft.clientMsgId);
    if (deps.keepsFailed()) {
      const { code, message } = error;
      failed.set(draft.clientMsgId, { ...draft, problem: { code, message } });
      onChange();
    } else {
      written.delete(draft.clientMsgId);
    }
    deps.onFailed(error, draft);
  }

  function drafts(): readonly Draft[] {
    const open = new Map([...failed.values(), ...outbox.drafts()].map((draft) => [draft.clientMsgId, draft]));
    return [...written].flatMap((id) => open.get(id) ?? []);
  }

  function discard(clientMsgId: string): void {
    if (!failed.delete(clientMsgId)) return;
    written.delete(clientMsgId);
    onChange();
  }

  function add(draft: Draft): Promise<SayAck> {
    if (draft.echo === false) silence(draft);
    return outbox.add(draft);
  }

  function silence({ clientMsgId }: Draft): void {
    silent.add(clientMsgId);
    const [oldest] = silent;
    if (silent.size > MAX_SILENT && oldest !== undefined) silent.delete(oldest);
  }

  return {
    say(draft) {
      const problem = crowded() ?? deps.check(draft);
      if (!problem || deps.keepsFailed()) written.add(draft.clientMsgId);
      if (!problem) return add(draft);
      if (deps.keepsFailed()) fail(problem, draft);
      return Promise.reject(problem);
    },
    withdraw(clientMsgId, error) {
      if (!outbox.withdraw(clientMsgId, error)) return;
      silent.delete(clientMsgId);
      written.delete(clientMsgId);
      onChange();
    },
    restore(older) {
      written = new Set([...older.map(({ clientMsgId }) => clientMsgId), ...written]);
      for (const draft of older) {
        if (draft.problem) failed.set(draft.clientMsgId, draft);
        else if (draft.echo === false) silence(draft);
      }
      outbox.restore(older.filter(({ problem }) => !problem));
      onChange();
    },
    assignAuthor(userId) {
      for (const [id, draft] of failed) failed.set(id, withAuthor(draft, userId));
      outbox.update((draft) => withAuthor(draft, userId));
    },
    drafts,
    waiting: () => outbox.drafts().length,
    retry(clientMsgId) {
      const draft = failed.get(clientMsgId);
      const problem = draft ? crowded() : new ClientError('not_found', 'no such message failed');
      if (!draft || problem) return Promise.reject(problem);
      failed.delete(clientMsgId);
      // The server may have forgotten it, but the application chose to send it: the dedupe time starts anew.
      const { problem: _, firstSentAt: __, ...again } = draft;
      return add({ ...again, by: deps.userId() });
    },
    discard,
    accepts({ clientMsgId, data }) {
      if (clientMsgId === undefined) return true;
      if (failed.get(clientMsgId)?.by === data.userId) discard(clientMsgId);
      // Another user's message may carry the same clientMsgId.
      return data.userId !== deps.userId() || !silent.delete(clientMsgId);
    },
    open: outbox.open,
    shut: outbox.shut,
    stop: outbox.stop,
    end: outbox.end,
  };
}
