import { ClientError } from '../client/client-error.ts';
import { checkLength } from '../client/drafts.ts';
import { createOutbox } from '../client/outbox.ts';
import type { Outcome } from '../protocol/codes.ts';
import type { Said } from '../protocol/rooms.ts';
import type { ChatEvent, ChatState } from './chat-state.ts';
import { describeProblem, OTHER_PERSON, TOO_MANY, UNKNOWN_FATE } from './drafts.ts';
import type { Store } from './store.ts';
import type { UnsentDraft, UnsentMemory } from './unsent.ts';

export interface SendingDeps {
  readonly store: Store<ChatState, ChatEvent>;
  readonly unsent: UnsentMemory;
  /** Undefined: no answer came, and none will. */
  readonly say: (
    message: { readonly text: string; readonly clientMsgId: string },
    answered: (answer: Outcome<Said> | undefined) => void,
  ) => void;
  readonly rejoin: () => void;
  readonly newMessageId: () => string;
  /** What a draft says of when it was written. */
  readonly now: () => number;
  /** A clock that does not go back. */
  readonly steadyMs: () => number;
  readonly random: () => number;
}

/** Own messages until the room has them, and what stands in the field: both outlive a reload. */
export interface Sending {
  say(text: string): void;
  /** With every key: what stands in the field. */
  typed(text: string): void;
  retry(clientMsgId: string): void;
  discard(clientMsgId: string): void;
  /** The server says who we are. */
  hello(userId: string): void;
  open(): void;
  shut(): void;
  /** The room is left for good, and with it what was not sent; the field's text is there for the next visit. */
  end(): void;
}

interface OwnDraft extends UnsentDraft {
  readonly by?: string;
}

const MAX_WAITING = 100;

export function createSending(deps: SendingDeps): Sending {
  const { store, unsent, newMessageId, now } = deps;
  const { dispatch } = store;
  /** Waits for its reader to say what becomes of it. */
  const failed = new Map<string, OwnDraft>();
  /** Of before the first hello: what was kept for whoever the server says we are is older, and is sent first. */
  const early: OwnDraft[] = [];
  let typed = '';
  let by: string | undefined;
  /** Who we were at the first hello: whoever wrote before it. */
  let first: string | undefined;
  let ended = false;

  const outbox = createOutbox<OwnDraft, Said>({
    send: ({ text, clientMsgId }, answered) => deps.say({ text, clientMsgId }, answered),
    check(draft) {
      if (isOurs(draft)) return checkLength(draft.text, store.get().maxTextBytes);
      return new ClientError('forbidden', draft.firstSentAt === undefined ? OTHER_PERSON : UNKNOWN_FATE);
    },
    rejoin: deps.rejoin,
    dedupeMs: () => store.get().dedupeTtlMs,
    onStored: (said, { clientMsgId }) => dispatch({ type: 'said', clientMsgId, said }),
    onFailed: (error, draft) => fail(draft, describeProblem(error)),
    onChange: save,
    now: deps.steadyMs,
    random: deps.random,
  });

  function isOurs(draft: OwnDraft): boolean {
    return (draft.by ?? first) === by;
  }

  function waiting(): readonly OwnDraft[] {
    return [...outbox.drafts(), ...early];
  }

  function add(draft: OwnDraft): void {
    if (first !== undefined) {
      void outbox.add(draft);
    } else {
      early.push(draft);
      save();
    }
  }

  function save(): void {
    if (ended) return;
    const drafts = [...waiting(), ...failed.values()]
      .filter(isOurs)
      .sort((one, other) => one.madeAt - other.madeAt)
      .map(({ by: _, ...draft }) => draft);
    unsent.save(by, { typed, drafts });
  }

  function fail(draft: OwnDraft, problem: string): void {
    if (ended) return;
    failed.set(draft.clientMsgId, { ...draft, problem });
    dispatch({ type: 'failed', clientMsgId: draft.clientMsgId, problem });
    save();
  }

  function restore(): void {
    const kept = unsent.load(by);
    if (kept.typed === '' && kept.drafts.length === 0) return;
    if (kept.typed !== '') typed = typed === '' ? kept.typed : `${kept.typed}\n${typed}`;
    const drafts = kept.drafts.map((draft) => ({ ...draft, by }));
    dispatch({
      type: 'restored',
      typed,
      drafts: drafts.map(({ clientMsgId, text, madeAt, problem }) => ({
        clientMsgId,
        text,
        madeAt,
        problem,
        status: problem === undefined ? 'waiting' : 'failed',
      })),
    });
    // First: whatever is added is written down.
    for (const draft of drafts) if (draft.problem !== undefined) failed.set(draft.clientMsgId, draft);
    for (const draft of drafts) if (draft.problem === undefined) add(draft);
  }

  restore();

  return {
    say(text) {
      typed = '';
      const draft = { clientMsgId: newMessageId(), text, madeAt: now(), by };
      const { clientMsgId, madeAt } = draft;
      dispatch({ type: 'drafted', draft: { clientMsgId, text, madeAt, status: 'waiting' } });
      if (waiting().length < MAX_WAITING) add(draft);
      else fail(draft, TOO_MANY);
    },
    typed(text) {
      typed = text;
      save();
    },
    retry(clientMsgId) {
      const draft = failed.get(clientMsgId);
      if (!draft || waiting().length >= MAX_WAITING) return;
      failed.delete(clientMsgId);
      dispatch({ type: 'retried', clientMsgId });
      // What may be known no more is sent again by the reader's choice: the count begins anew.
      const { problem: _, firstSentAt: __, ...again } = draft;
      add({ ...again, by });
    },
    discard(clientMsgId) {
      failed.delete(clientMsgId);
      dispatch({ type: 'discarded', clientMsgId });
      save();
    },
    hello(userId) {
      if (userId === by) return;
      // What had no name yet is ours.
      if (first === undefined) unsent.save(undefined, { typed: '', drafts: [] });
      first ??= userId;
      by = userId;
      restore();
      for (const draft of early.splice(0)) add(draft);
      save();
    },
    open: outbox.open,
    shut: outbox.shut,
    end() {
      unsent.save(by, { typed, drafts: [] });
      ended = true;
      outbox.end(new ClientError('closed', 'the room was left'));
    },
  };
}
