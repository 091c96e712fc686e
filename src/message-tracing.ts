import type { PrimaryBackend } from './backend/backend.ts';
import { CHAT_MESSAGES } from './chat-messages.ts';
import type { Supervisor } from './cluster/supervisor.ts';
import type {
  DeliveryQuestion,
  FoundMessages,
  MessageTrace,
  SilentWorkers,
  TraceQuery,
  WorkerTrace,
} from './message-trace.ts';
import { type Outcome, refuse, succeed } from './protocol/codes.ts';
import { parseClientMsgId, parseId } from './protocol/names.ts';

export interface MessageTracingDeps {
  /** This host's name in the cluster. */
  readonly host: string;
  readonly workers: Pick<Supervisor, 'ready' | 'withClients' | 'status'>;
  readonly hosts: PrimaryBackend['hosts'];
}

/** A search through many rooms takes up to five seconds of it. */
const FIND_MS = 8_000;
const HERE_MS = 3_000;
/** Socket.IO waits five seconds for the workers of other hosts. */
const ELSEWHERE_MS = 7_000;

/**
 * Puts together what became of a message. One worker looks into the store; then every worker of this host is asked over IPC,
 * and those of other hosts over the bus. The primary knows who should answer, so one that hangs is named.
 */
export function createMessageTracing({ host, workers, hosts }: MessageTracingDeps) {
  async function find(query: TraceQuery): Promise<Outcome<FoundMessages>> {
    let found: Outcome<FoundMessages> = refuse('unavailable', 'no worker of this host is ready', 1_000);
    for (const worker of workers.ready()) {
      found = await worker.request(CHAT_MESSAGES.findMessages, query, FIND_MS);
      // Another worker has the same store, but this one may hang.
      if (found.ok || found.error.code !== 'unavailable') return found;
    }
    return found;
  }

  async function askHere(question: DeliveryQuestion) {
    const traces: WorkerTrace[] = [];
    const silent: SilentWorkers[] = [];
    const rows = workers.status();
    await Promise.all(
      workers.withClients().map(async (worker) => {
        const trace = await worker.request(CHAT_MESSAGES.traceDeliveries, question, HERE_MS);
        if (trace.ok) {
          traces.push(trace.value);
          return;
        }
        const { slot, pid } = worker;
        silent.push({ host, slot, pid, workers: 1, reason: trace.error.message });
      }),
    );
    // Slots in other states have no process with clients.
    for (const { slot, pid, state } of rows) {
      if (state === 'suspect') silent.push({ host, slot, pid, workers: 1, reason: 'it is in state suspect' });
    }
    return { traces, silent };
  }

  async function askElsewhere(question: DeliveryQuestion) {
    const listed = await hosts();
    if (!listed.ok) {
      const reason = `the other hosts are not known: ${listed.error.message}`;
      return { traces: [], silent: [{ host: 'other hosts', workers: 0, reason }] };
    }
    const others = listed.value.filter(({ name }) => name !== host);
    if (others.length === 0) return { traces: [], silent: [] };
    const [worker] = workers.ready();
    const asked = await worker?.request(CHAT_MESSAGES.traceElsewhere, question, ELSEWHERE_MS);
    const traces = asked?.ok ? asked.value.filter((trace) => trace.host !== host) : [];
    const silent = others.flatMap((other): SilentWorkers[] => {
      const missing = other.workers - traces.filter((trace) => trace.host === other.name).length;
      return missing > 0 ? [{ host: other.name, workers: missing, reason: 'no answer over the bus' }] : [];
    });
    return { traces, silent };
  }

  return async (given: unknown): Promise<Outcome<MessageTrace>> => {
    const parsed = parseTraceQuery(given);
    if (!parsed.ok) return parsed;
    const query = parsed.value;
    const found = await find(query);
    if (!found.ok) return found;
    const { id, roomid, userId } = query;
    const question: DeliveryQuestion = {
      nsp: found.value.nsp,
      ...(roomid === undefined ? {} : { roomid }),
      messages: found.value.messages.map(({ nsp, kind, roomid, epoch, seq, state, author, except }) => ({
        nsp,
        kind,
        roomid,
        epoch,
        seq,
        ...(author === undefined ? {} : { author }),
        ...(except === undefined ? {} : { except }),
        ...(state === 'lost' ? { lost: true as const } : {}),
      })),
      ...(id === undefined ? {} : { id }),
      ...(userId === undefined ? {} : { userId }),
    };
    const [here, elsewhere] = await Promise.all([askHere(question), askElsewhere(question)]);
    const byPlace = (one: WorkerTrace, other: WorkerTrace) =>
      one.host === other.host ? one.slot - other.slot : one.host < other.host ? -1 : 1;
    return succeed({
      ...found.value,
      workers: [...here.traces, ...elsewhere.traces].sort(byPlace),
      silent: [...here.silent, ...elsewhere.silent],
    });
  };
}

const SEQ = /^[1-9]\d{0,14}$/;
const MAX_NSP_CHARS = 100;

/** Parses the query of a request: `id`, or `room` and `seq`; `room` may narrow the search for an id. */
export function parseTraceQuery(given: unknown): Outcome<TraceQuery> {
  const { id, room, seq, user, to, ns } = given as Readonly<Record<string, unknown>>;
  const [roomid, userId, receiverId] = [room, user, to].map((one) =>
    one === undefined ? undefined : parseId(one),
  );
  const problems = [
    ...(id !== undefined && parseClientMsgId(id) === undefined ? ['id: up to 64 printable characters'] : []),
    ...(room !== undefined && roomid === undefined ? ['room: not a room id'] : []),
    ...(user !== undefined && userId === undefined ? ['user: not a user id'] : []),
    ...(to !== undefined && receiverId === undefined ? ['to: not a user id'] : []),
    ...(to !== undefined && room !== undefined ? ['to: a message to a user is in no room'] : []),
    ...(seq !== undefined && !SEQ.test(String(seq)) ? ['seq: a whole number from 1'] : []),
    ...(ns !== undefined && (typeof ns !== 'string' || ns.length > MAX_NSP_CHARS)
      ? ['ns: not a namespace']
      : []),
    ...((id === undefined) === (room === undefined || seq === undefined)
      ? ['give either id, or room and seq']
      : []),
  ];
  if (problems.length > 0) return refuse('bad_request', problems.join('; '));
  return succeed({
    ...(id === undefined ? {} : { id: String(id) }),
    ...(roomid === undefined ? {} : { roomid }),
    ...(seq === undefined ? {} : { seq: Number(seq) }),
    ...(userId === undefined ? {} : { userId }),
    ...(receiverId === undefined ? {} : { receiverId }),
    ...(ns === undefined ? {} : { nsp: String(ns) }),
  });
}
