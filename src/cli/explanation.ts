import type {
  ConnectionOutcome,
  ConnectionTrace,
  DeliveryTrace,
  MessageTrace,
  RecentAnswer,
  StoredState,
  TracedMessage,
  UserTrace,
  WorkerTrace,
} from '../message-trace.ts';

/** Words of a trace for people. */
export function explanationOf(trace: MessageTrace): string {
  const { messages, workers, silent } = trace;
  const answers = workers.flatMap((worker) =>
    worker.answers.map((answer) => `${nameOf(worker)} ${answerLine(answer)}`),
  );
  const late = silent.map(({ host, slot, pid, workers: count, reason }) => {
    const who = slot === undefined ? `${host}: ${count} of its workers` : `${host} slot ${slot}`;
    return `${who}${pid === undefined ? '' : ` (pid ${pid})`} cannot say what it knows: ${reason}`;
  });
  const parts = [
    ...(messages.length === 0 ? [notFound(trace)] : []),
    ...messages.map((message, index) => messageLines(message, workers, index)),
    ...(answers.length === 0 ? [] : [answers]),
    ...(late.length === 0 ? [] : [late]),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function notFound({ searched, workers }: MessageTrace): string[] {
  const { logs = 0, everyLog = false } = searched ?? {};
  const refused = workers.some(({ answers }) => answers.some(({ code }) => code !== undefined));
  return [
    `No message with this id is stored in the ${logs} ${logs === 1 ? 'log' : 'logs'} that ${logs === 1 ? 'was' : 'were'} searched.`,
    ...(everyLog ? [] : ['Others may have it: name its room with --room, or a user of it with --user.']),
    'By its clientMsgId, a deleted or trimmed message is found only with --user AUTHOR, and a private one only with --user SENDER and --to RECEIVER.',
    ...(refused
      ? []
      : [
          'No worker that answered remembers a refusal of it; each remembers the newest 500, those of the HTTP API included, until it is replaced.',
        ]),
  ];
}

const STATES: Readonly<Record<StoredState, string>> = {
  stored: 'stored and published in one step',
  deleted: 'stored and published, and deleted since: its text is gone',
  trimmed: 'it has left the log, which keeps HISTORY_SIZE entries for HISTORY_TTL_S',
  lost: 'acknowledged, but the store has lost it since: a new epoch began, and members got room:gap',
  never: 'not in the log',
};

function messageLines(message: TracedMessage, workers: readonly WorkerTrace[], index: number): string[] {
  const { kind, roomid, nsp, epoch, seq, id, at, author, clientMsgId, event, state, first, top, user } =
    message;
  const where = `${kind === 'inbox' ? 'inbox of ' : ''}${roomid}${nsp === '/' ? '' : ` in ${nsp}`}`;
  const about = [
    `${where}, seq ${seq}`,
    ...(epoch === '' ? [] : [`epoch ${epoch}`]),
    ...(at === undefined ? [] : [new Date(at).toISOString()]),
    ...(event === undefined || event === 'broadcast_say' ? [] : [event]),
    ...(author === undefined ? [] : [`from ${author}`]),
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(clientMsgId === undefined ? [] : [`clientMsgId ${clientMsgId}`]),
  ];
  const head = [about.join(', '), `  ${STATES[state]}; ${rangeOf(first, top)}`];
  const asked = user === undefined ? [] : [userLine(message, user)];
  if (state === 'never') return [...head, ...asked];
  const authors = ackLines(message, workers, index);
  return [
    ...head,
    ...authors,
    ...asked,
    ...workers.flatMap((worker) => workerLines(message, worker, worker.deliveries[index])),
  ];
}

/** The ack of a later message says nothing of this one, which another connection of the author may have sent. */
function ackLines({ seq }: TracedMessage, workers: readonly WorkerTrace[], index: number): string[] {
  const ofAuthor = workers.flatMap((worker) =>
    (worker.deliveries[index]?.ofAuthor ?? []).map((one) => ({ worker, ...one })),
  );
  const acked = ofAuthor.find(({ ackedUpTo }) => ackedUpTo === seq);
  if (acked) {
    const { clientId, worker } = acked;
    return [`  acked: connection ${clientId} of the author (${nameOf(worker)}) has the ack of this message`];
  }
  const newest = Math.max(...ofAuthor.map(({ ackedUpTo = 0 }) => ackedUpTo));
  if (newest < seq) return [];
  return [`  acks of this author up to seq ${newest} are known; of this one nothing`];
}

function rangeOf(first: number, top: number): string {
  if (top === 0) return 'the log is empty';
  return first > top ? `the log is empty and ended at ${top}` : `the log has ${first} to ${top}`;
}

function userLine({ kind, seq }: TracedMessage, user: UserTrace): string {
  const { userId, connections, bannedEverywhere, revokedBefore } = user;
  const { inRoom, banned, muted, readUpTo, sentAt, recvAt, readAt } = user;
  const time = (ms: number) => new Date(ms).toISOString();
  const inbox = [
    sentAt === undefined ? undefined : `written to a connection by ${time(sentAt)}`,
    recvAt === undefined ? 'not reported as received' : `received by ${time(recvAt)}`,
    readAt === undefined ? 'not read' : `read by ${time(readAt)}`,
  ];
  const room = [
    inRoom ? 'in the room' : 'not in the room',
    banned ? 'banned' : undefined,
    muted ? 'muted' : undefined,
    readUpTo === undefined
      ? undefined
      : readUpTo >= seq
        ? `has read it (up to ${readUpTo})`
        : `has read up to ${readUpTo}`,
  ];
  const everywhere = [
    bannedEverywhere ? 'banned from everything' : undefined,
    revokedBefore === undefined ? undefined : `tokens from before ${time(revokedBefore)} revoked`,
  ];
  const facts = [plural(connections, 'connection'), ...everywhere, ...(kind === 'inbox' ? inbox : room)];
  return `  ${userId}: ${facts.filter((fact) => fact !== undefined).join(', ')}`;
}

function workerLines(
  message: TracedMessage,
  worker: WorkerTrace,
  delivery: DeliveryTrace | undefined,
): string[] {
  if (!delivery) return [];
  const { connections, deliveredUpTo, written, others, ofUser } = delivery;
  const name = `  ${nameOf(worker)}:`;
  const own = ofUser.map((one) => `    ${connectionLine(one)}`);
  if (deliveredUpTo === undefined) return [`${name} nobody here is in the ${message.kind}`, ...own];
  const arrival = arrivalOf(message, delivery);
  if (message.kind === 'inbox')
    return [`${name} ${arrival}; ${plural(connections, 'connection')} of the user`];
  const listed = others.filter((one) => !ofUser.some(({ clientId }) => clientId === one.clientId));
  const isOnlyOwn = ({ outcome, clientId }: ConnectionTrace) =>
    outcome !== 'written' && outcome !== 'not_joined' && !others.some((one) => one.clientId === clientId);
  const rest = connections - written - others.length - ofUser.filter(isOnlyOwn).length;
  return [
    `${name} ${arrival}; written live to ${written} of ${plural(connections, 'connection')}`,
    ...own,
    ...listed.map((one) => `    ${connectionLine(one)}`),
    ...(rest > 0 ? [`    and ${rest} more that it was not written to live`] : []),
  ];
}

function arrivalOf({ state, kind }: TracedMessage, { passed, missed, deliveredUpTo }: DeliveryTrace): string {
  if (missed === 'gap') return 'the log had lost it when this worker asked; members got room:gap';
  if (missed === 'never_came') return 'the store had lost it before this worker got it';
  if (!passed) return `has delivered the ${kind} up to seq ${deliveredUpTo} only`;
  return state === 'lost' ? 'had it before the store lost it' : 'has it';
}

function connectionLine(one: ConnectionTrace): string {
  const { clientId, userId, waitingBytes, outcome } = one;
  const waiting = waitingBytes === 0 ? '' : `; ${waitingBytes} bytes wait for this client to read`;
  return `${userId} (${clientId}): ${OUTCOMES[outcome](one)}${waiting}`;
}

const OUTCOMES: Readonly<Record<ConnectionOutcome, (one: ConnectionTrace) => string>> = {
  written: ({ joinedAt }) => `joined at seq ${joinedAt}, and it was written to this connection live`,
  gathered: () => 'it is gathered for the next write',
  behind: () => 'the worker has not delivered it yet',
  gap: () => 'the log had lost it when the worker asked, so this connection got room:gap instead',
  never_came: () => 'the store lost it before this connection could get it',
  page: ({ joinedAt, first }) =>
    `joined later, at seq ${joinedAt}; it, or its tombstone, was in the page from ${first} on`,
  resumed: ({ joinedAt, resumedAfter }) =>
    `resumed after seq ${resumedAfter} and got it, or its tombstone, in the page up to ${joinedAt}`,
  had: ({ resumedAfter }) => `resumed after seq ${resumedAfter}, so its client claims to have it already`,
  before: ({ joinedAt, first = 0 }) =>
    `joined later, at seq ${joinedAt}, with a page ${first > (joinedAt ?? 0) ? 'of nothing' : `from ${first} on`}; older messages come by room:history`,
  excepted: () => 'sent it with echo: false, so the ack was its delivery',
  not_joined: () => 'this connection has not joined the room',
  unknown: () => 'it is not known when this connection joined',
};

function answerLine({ at, event, nsp, roomid, userId: id, code, retryAfterMs, seq }: RecentAnswer): string {
  const when = new Date(at).toISOString();
  const places = [roomid, nsp === '/' ? undefined : nsp].filter((place) => place !== undefined);
  const whose = [id ?? 'the HTTP API', ...places].join(' in ');
  if (code === undefined)
    return `answered a repetition by ${whose} at ${when}: it is seq ${seq}, stored once`;
  const wait = retryAfterMs === undefined ? '' : `, to be tried again after ${Math.ceil(retryAfterMs)} ms`;
  return `refused ${event} of ${whose} with this id at ${when}: ${code}${wait}`;
}

function nameOf({ host, slot }: Pick<WorkerTrace, 'host' | 'slot'>): string {
  return `${host} slot ${slot}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
