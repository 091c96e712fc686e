import type { Logger } from 'pino';
import type { Admission, Permit } from '../../chat/admission.ts';
import { type ContentLimits, tooLarge } from '../../chat/content-size.ts';
import type { DedupeKey } from '../../chat/dedupe.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, refuse } from '../../protocol/codes.ts';
import { PAYLOADS } from '../../protocol/payloads.ts';
import type { HookPost } from './post.ts';

/** A message that a person wants to say, an edit of an own one, or a `textmsg`. */
export interface SayQuestion {
  readonly type: 'before_say' | 'before_edit' | 'before_textmsg';
  readonly room: Room;
  readonly user: { readonly userId: string; readonly username: string };
  readonly content: SayContent;
  /** Further fields for the receiver. */
  readonly about: Readonly<Record<string, unknown>>;
  /** A message that is stored already is not asked about again. */
  readonly dedupe: DedupeKey | undefined;
}

export interface SayContent {
  readonly text?: string | undefined;
  /** JSON text. */
  readonly data?: string | undefined;
}

/** Asks HOOK_BEFORE_SAY_URL what may be said. */
export interface BeforeSay {
  /**
   * Calls `store` with the content that may be stored, or refuses. The receiver is asked about several messages of a
   * connection at once; they are stored in the order of the calls. The permit is released before the receiver is asked, and
   * `store` runs under another one: the time of the receiver is not the store's.
   */
  review<T>(
    { connection, permit }: Reviewing,
    question: SayQuestion,
    store: (content: SayContent) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>>;
}

export interface Reviewing {
  readonly connection: object;
  readonly permit: Pick<Permit, 'release'>;
}

export type Reviewed = 'allowed' | 'refused' | 'rewritten' | 'unanswered';

export interface BeforeSayDeps {
  readonly post: HookPost;
  readonly onTimeout: 'allow' | 'refuse';
  readonly logs: Pick<RoomLogs, 'known'>;
  readonly admission: Pick<Admission, 'acquire'>;
  readonly limits: ContentLimits;
  readonly onReviewed: (how: Reviewed) => void;
  /** Ms since 1970. */
  readonly now: () => number;
  /** The monotonic clock. */
  readonly elapsedMs: () => number;
  readonly newId: () => string;
  readonly log: Logger;
}

type Verdict = { readonly content: SayContent } | { readonly refusal: ReturnType<typeof refuse> };

/** Longest answer: a text and data of the largest size. */
export const MAX_ANSWER_BYTES = 2_097_152;
const REFUSED = 'the message was refused';
const MAX_REASON_CHARS = 200;
/** Beyond it a message is treated as if the receiver had not answered. */
const MAX_ASKED = 200;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 5_000;

export function createBeforeSay(deps: BeforeSayDeps): BeforeSay {
  const { post, logs, admission, limits, elapsedMs, log } = deps;
  /** Resolves when the last message of the connection is being stored. */
  const turns = new WeakMap<object, Promise<unknown>>();
  let asked = 0;
  let failures = 0;
  let probing = false;
  let openUntil = Number.NEGATIVE_INFINITY;

  /** A receiver that keeps failing is asked about one message in five seconds, so that the others do not wait for it. */
  function mayAsk(): boolean {
    if (failures < FAILURES_TO_OPEN) return asked < MAX_ASKED;
    return !probing && elapsedMs() >= openUntil;
  }

  function onFailed(reason: string): void {
    failures += 1;
    if (failures < FAILURES_TO_OPEN) return;
    if (failures === FAILURES_TO_OPEN) log.warn({ reason }, 'hooks: HOOK_BEFORE_SAY_URL does not answer');
    openUntil = elapsedMs() + OPEN_MS;
  }

  function unanswered({ content }: SayQuestion): Verdict {
    deps.onReviewed('unanswered');
    if (deps.onTimeout === 'allow') return { content };
    return { refusal: refuse('unavailable', 'the message could not be reviewed', 1_000) };
  }

  async function ask(question: SayQuestion, permit: Reviewing['permit']): Promise<Verdict> {
    const { type, room, user, content, about, dedupe } = question;
    const known = dedupe && (await logs.known(room, dedupe));
    // A store that cannot say so now might store the message a moment later.
    if (known && !known.ok) return { refusal: known };
    permit.release();
    if (known?.value) return { content };
    if (!mayAsk()) return unanswered(question);
    const isProbe = failures >= FAILURES_TO_OPEN;
    probing ||= isProbe;
    asked += 1;
    const said = { text: content.text, data: content.data && (JSON.parse(content.data) as unknown) };
    const body = { id: deps.newId(), type, at: deps.now(), ns: room.nsp, roomid: room.roomid, user, ...said };
    const result = await post(JSON.stringify({ ...body, ...about }));
    asked -= 1;
    if (isProbe) probing = false;
    const verdict = result.taken ? verdictIn(result.text, content, limits) : undefined;
    if (!verdict) {
      onFailed(result.taken ? 'not a verdict' : result.reason);
      return unanswered(question);
    }
    if (failures >= FAILURES_TO_OPEN) log.info('hooks: HOOK_BEFORE_SAY_URL answers again');
    failures = 0;
    if ('refusal' in verdict) deps.onReviewed('refused');
    else deps.onReviewed(verdict.content === content ? 'allowed' : 'rewritten');
    return verdict;
  }

  /** Begins to store the message. The next one of the connection waits for the beginning, and not for the end. */
  async function begin<T>(
    connection: object,
    verdict: Verdict,
    store: (content: SayContent) => Promise<Outcome<T>>,
  ): Promise<{ readonly stored: Outcome<T> | Promise<Outcome<T>> }> {
    if ('refusal' in verdict) return { stored: verdict.refusal };
    const acquired = admission.acquire(connection);
    if (!acquired.ok) return { stored: acquired };
    const permit = acquired.value;
    const refused = await permit.begin();
    if (!refused) return { stored: store(verdict.content).finally(() => permit.release()) };
    permit.release();
    return { stored: refused };
  }

  return {
    async review({ connection, permit }, question, store) {
      const previous = turns.get(connection);
      const turn = Promise.all([ask(question, permit), previous]).then(([verdict]) =>
        begin(connection, verdict, store),
      );
      turns.set(
        connection,
        turn.catch(() => undefined),
      );
      return (await turn).stored;
    },
  };
}

/**
 * Reads an answer; undefined if it is none. A rewritten content obeys the same rules as a client's. One of which nothing is
 * left, or which is too long, refuses the message: as a failure of the receiver, it would let the messages of one user decide
 * how all others are treated.
 */
function verdictIn(text: string, content: SayContent, limits: ContentLimits): Verdict | undefined {
  const answer = parsed(text);
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { allow, reason, text: newText, data: newData } = answer as Record<string, unknown>;
  if (allow === false) {
    const told = typeof reason === 'string' && reason !== '' ? reason : REFUSED;
    return { refusal: refuse('forbidden', told.toWellFormed().slice(0, MAX_REASON_CHARS)) };
  }
  if (allow !== true) return undefined;
  if (newText === undefined && newData === undefined) return { content };
  const old = content.data && (JSON.parse(content.data) as unknown);
  if (newText === '' && (newData ?? old) === undefined) return { refusal: refuse('forbidden', REFUSED) };
  const rewritten = PAYLOADS.say.safeParse({
    text: newText === undefined ? content.text : newText,
    data: newData === undefined ? old : newData,
  });
  if (!rewritten.success) return undefined;
  const { text: stored, data } = rewritten.data;
  if (tooLarge({ text: stored, data }, limits)) return { refusal: refuse('forbidden', REFUSED) };
  return { content: { text: stored, data } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
