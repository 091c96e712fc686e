import type { Permit } from '../../chat/admission.ts';
import type { RecentAnswer } from '../../message-trace.ts';
import { type Outcome, refuse, succeed, type WireError } from '../../protocol/codes.ts';
import { describeIssues } from '../../protocol/issues.ts';
import { MAX_CLIENT_MSG_ID_CHARS, MAX_ID_BYTES } from '../../protocol/limits.ts';
import { isWellFormed, parseId } from '../../protocol/names.ts';
import { type EventName, PAYLOADS } from '../../protocol/payloads.ts';
import type { SayAck } from '../../protocol/rooms.ts';
import type { ChatContext, EventHandler } from '../context.ts';
import type { EventTurn } from '../event-queue.ts';
import type { Session } from '../session.ts';
import { IncomingPacket } from '../transport/incoming-packet.ts';
import { EVENTS } from './index.ts';

/** An event as the parser gave it: nothing about it is validated. */
export interface ClientEvent {
  readonly event: unknown;
  readonly args: readonly unknown[];
}

type Answer = (answer: object) => void;

const HELD_RETRY_MS = 1_000;

const MAX_ROOM_CHARS = 4 * MAX_ID_BYTES;
const NO_ROOM = '';

/** The permit of an event that costs the store little or nothing: the load of others does not get it refused. */
const FREE: Outcome<Permit> = succeed({ begin: () => undefined, release: () => undefined });

const NO_PACKET = { bytes: 0, refusal: undefined } as const;

/** An event from its arrival to its answer. It stays in memory for as long as the event waits. */
interface ReceivedEvent {
  readonly name: string;
  readonly ack: Answer | undefined;
  readonly clientMsgId: string | undefined;
  /** The room as the payload names it, `NO_ROOM` for what cannot be one; undefined for the connection's default room. */
  readonly roomid: string | undefined;
  readonly packetBytes: number;
  /** Why the packet was refused before it was decoded, if it was. */
  readonly refusal: WireError | undefined;
  /**
   * The payload as it was sent, until it is validated. Validation drops unknown keys, so only the validated payload may wait
   * in the queue: 281 events with an unknown key of 1.2 MB ended a worker while they waited for a client that did not read.
   */
  payload: unknown;
}

/**
 * Takes every event of a client from arrival to answer. It never throws, whatever the client sends and whatever fails
 * while the event runs.
 */
export function dispatch(session: Session, context: ChatContext, event: ClientEvent): Promise<void> {
  // The function is not async: the frame of an async function would keep the arguments for as long as the event waits.
  return answerEvent(session, context, receive(event));
}

function receive({ event: given, args }: ClientEvent): ReceivedEvent {
  // The parser accepts numbers as names, and packets without a payload: then the ack comes first, or nothing does. One
  // such frame ended a worker.
  const event = typeof given === 'string' || typeof given === 'number' ? String(given) : '';
  const last = args.at(-1) ?? given;
  const ack = typeof last === 'function' ? (last as Answer) : undefined;
  const packet = args.at(ack ? -2 : -1);
  const { bytes, refusal } = packet instanceof IncomingPacket ? packet : NO_PACKET;
  const [first] = args;
  const sent = first === ack || first === packet ? undefined : first;
  const name = Object.hasOwn(EVENTS, event) ? event : printable(event);
  const [clientMsgId, roomid] = [clientMsgIdOf(sent), roomidOf(sent)];
  return { name, ack, clientMsgId, roomid, packetBytes: bytes, refusal, payload: sent };
}

async function answerEvent(session: Session, context: ChatContext, event: ReceivedEvent): Promise<void> {
  const answer: Answer = (acked) => event.ack?.({ ok: true, ...acked });
  try {
    const outcome = await handle(session, context, event, answer);
    if (outcome === 'answered') return;
    if (outcome.ok) {
      answer(outcome.value);
      const { dup, seq } = outcome.value as Partial<SayAck>;
      // The ack has 0 for every stranger. Each of them counts as somebody without an inbox: who has one is not for the sender to know.
      const beginsLog = (seq === 0 || seq === 1) && !dup && handlerOf(event.name)?.stores !== undefined;
      if (beginsLog) context.storageBudget.takeLog(session);
      if (dup) note(session, context, event, { seq });
      return;
    }
    const { error } = outcome;
    context.metrics.refused.inc({ code: error.code });
    note(session, context, event, { code: error.code, retryAfterMs: error.retryAfterMs });
    refuseTo(session, event, error);
  } catch (error) {
    context.log.error({ event: event.name, err: error }, 'an event failed');
    note(session, context, event, { code: 'internal' });
    refuseTo(session, event, refuse('internal', 'internal error').error);
  }
}

/**
 * Takes an event through: counts its bytes, acquires a permit, validates it, waits for its turn, runs its handler.
 *
 * An event with nothing to wait for reaches its handler before this returns, so that it takes effect before a disconnect
 * sent right behind it: Socket.IO delivers the packets of one chunk in consecutive ticks, and a function that awaits
 * anything, even a value, resumes after all of them. Hence only promises are awaited here.
 */
async function handle(
  session: Session,
  context: ChatContext,
  event: ReceivedEvent,
  answer: Answer,
): Promise<Outcome<object> | 'answered'> {
  const { budget, queue, socket } = session;
  if (event.refusal) return { ok: false, error: event.refusal };
  if (!budget.reserve(event.packetBytes)) {
    return refuse('rate_limited', 'too many events are waiting to be answered', HELD_RETRY_MS);
  }
  let permit: Permit | undefined;
  let turn: EventTurn | undefined;
  try {
    const handler = handlerOf(event.name);
    if (!handler) return refuse('bad_request', `event: ${event.name} is not known`);
    const name = event.name as EventName;
    // The limit comes before validation: a flood of invalid payloads is a flood, too.
    const waitMs = handler.says ? session.takeSayToken() : 0;
    if (waitMs > 0) return refuse('rate_limited', 'too many messages', waitMs);
    const signalWaitMs = handler.signals ? session.takeSignalToken() : 0;
    if (signalWaitMs > 0) return refuse('rate_limited', 'too many signals', signalWaitMs);
    const acquired = handler.free ? FREE : context.admission.acquire(session);
    if (!acquired.ok) return acquired;
    permit = acquired.value;
    const parsed = PAYLOADS[name].safeParse(event.payload === undefined ? {} : event.payload);
    event.payload = undefined;
    if (!parsed.success) return refuse('bad_request', describeIssues(parsed.error));
    const { stores } = handler;
    const storedWaitMs = stores ? context.storageBudget.take(session, stores, event.packetBytes) : 0;
    if (storedWaitMs > 0) return refuse('rate_limited', 'too many bytes to store', storedWaitMs);
    const mode = typeof handler.mode === 'string' ? handler.mode : handler.mode(parsed.data as never);
    const taking = queue.take(mode);
    const taken = taking instanceof Promise ? await taking : taking;
    if (!taken.ok) return taken;
    turn = taken.value;
    // A client that has not taken the last pages gets no further ones.
    const catchingUp = mode === 'inTurn' ? context.slowClients.caughtUp(socket.conn) : undefined;
    if (catchingUp) await catchingUp;
    const beginning = permit.begin();
    const refused = beginning instanceof Promise ? await beginning : beginning;
    return refused ?? (await handler.run(session, parsed.data as never, context, answer as never, permit));
  } finally {
    turn?.release();
    permit?.release();
    budget.release(event.packetBytes);
  }
}

function handlerOf(name: string): EventHandler<never> | undefined {
  return Object.hasOwn(EVENTS, name) ? (EVENTS[name as EventName] as EventHandler<never>) : undefined;
}

/** The answer is remembered for `roomcast explain`, since the store has nothing of it. */
function note(
  session: Session,
  { recentAnswers }: ChatContext,
  { name, clientMsgId, roomid: given }: ReceivedEvent,
  answered: Pick<RecentAnswer, 'code' | 'retryAfterMs' | 'seq'>,
): void {
  if (clientMsgId === undefined) return;
  const { socket, user, defaultRoom } = session;
  const roomid = name === 'say' ? (given === undefined ? defaultRoom : parseId(given)) : undefined;
  const where = { nsp: socket.nsp.name, ...(roomid === undefined ? {} : { roomid }) };
  recentAnswers.note({ event: name, clientMsgId, ...where, userId: user.id, ...answered });
}

/** A client that passed no ack callback must hear of the refusal, too. */
function refuseTo({ socket }: Session, { name, ack, clientMsgId }: ReceivedEvent, error: WireError): void {
  if (ack) {
    ack({ ok: false, error });
    return;
  }
  socket.emit('refused', { event: name, clientMsgId, error });
}

function clientMsgIdOf(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null || !('clientMsgId' in given)) return undefined;
  const { clientMsgId } = given;
  if (typeof clientMsgId !== 'string') return undefined;
  const known = clientMsgId.slice(0, MAX_CLIENT_MSG_ID_CHARS);
  // The cut may split a surrogate pair, as may the client.
  return isWellFormed(known) ? ownText(known) : undefined;
}

/** Parses the room only when it is noted: most events need it once, in their payload. */
function roomidOf(given: unknown): ReceivedEvent['roomid'] {
  if (typeof given !== 'object' || given === null || !('roomid' in given)) return undefined;
  const { roomid } = given;
  if (roomid === null || roomid === undefined || roomid === '') return undefined;
  if (typeof roomid === 'number') return String(roomid);
  return typeof roomid === 'string' && roomid.length <= MAX_ROOM_CHARS ? roomid : NO_ROOM;
}

/** Cuts first: replacing in a name of 590 kB took 179 ms. */
function printable(event: string): string {
  return ownText(event.slice(0, 64).replace(/[\p{C}]/gu, '?'));
}

/** A part of a string keeps the whole string in memory: what is remembered must not keep a client's packet of a megabyte. */
function ownText(part: string): string {
  return Buffer.from(part).toString();
}
