import { UNOPENED_BYTES, UNOPENED_ITEMS } from '../../src/chat/unopened-inbox.ts';
import { HEAD_TIMEOUT_MS } from '../../src/cluster/front.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { BYE, type ErrorCode } from '../../src/protocol/codes.ts';
import * as protocolLimits from '../../src/protocol/limits.ts';
import { MAX_STREAMS, MAX_STREAMS_PER_USER } from '../../src/server/http/event-streams.ts';
import { MAX_CONNECT_BYTES, MAX_POST_PACKETS } from '../../src/server/transport/connection-limits.ts';
import { CONNECT_TIMEOUT_MS } from '../../src/server/transport/engine.ts';
import { CONTROL_FRAMES, MAX_FRAGMENTS } from '../../src/server/transport/frame-limits.ts';
import { MAX_UNANSWERED_REQUESTS } from '../../src/server/transport/pipelined-requests.ts';
import { HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from '../../src/server/transport/worker-port.ts';

/** A row of the table of limits in deploy/README.md. */
interface Limit {
  readonly what: string;
  /** A constant of src/protocol/limits.ts, a setting whose default counts, or the number itself. */
  readonly most: keyof typeof protocolLimits | keyof typeof SETTINGS | number | string;
  readonly unit?: string;
  /** The answer beyond it: a code, or words. */
  readonly answer: ErrorCode | string;
  readonly setting?: keyof typeof SETTINGS;
}

/** The constants by name. */
const numbers: Readonly<Record<string, number | string>> = { ...protocolLimits };
const OVER_LIMIT = `\`bye\` ${BYE.overLimit}`;
const CODES: readonly string[] = [
  'bad_request',
  'too_large',
  'limit',
  'rate_limited',
  'unavailable',
] satisfies ErrorCode[];

const seconds = (ms: number) => `${ms / 1_000} s`;

/** Compared with deploy/README.md; the sizes among them are tried at their edges in system/limits.test.ts. */
export const LIMITS = {
  id: { what: 'a room id, a user id', most: 'MAX_ID_BYTES', unit: 'bytes', answer: 'bad_request' },
  username: { what: 'a username', most: 'MAX_USERNAME_CHARS', unit: 'characters', answer: 'bad_request' },
  avatar: {
    what: 'the address of an avatar',
    most: 'MAX_AVATAR_URL_CHARS',
    unit: 'characters',
    answer: 'bad_request',
  },
  clientMsgId: {
    what: 'a `clientMsgId`',
    most: 'MAX_CLIENT_MSG_ID_CHARS',
    unit: 'characters',
    answer: 'bad_request',
  },
  text: {
    what: 'a text, in UTF-8',
    most: 'maxTextBytes',
    unit: 'bytes',
    answer: 'too_large',
    setting: 'maxTextBytes',
  },
  data: {
    what: 'the data of a message, a todo or a push, as JSON',
    most: `${protocolLimits.JSON_BYTES_PER_TEXT_BYTE} times a text`,
    answer: 'too_large',
    setting: 'maxTextBytes',
  },
  depth: { what: 'its depth', most: 'MAX_JSON_DEPTH', unit: 'levels', answer: 'bad_request' },
  mentions: { what: 'mentions in a message', most: 'MAX_MENTIONS', answer: 'bad_request' },
  reaction: { what: 'a reaction', most: 'MAX_REACTION_CHARS', unit: 'characters', answer: 'bad_request' },
  reactions: { what: 'different reactions to a message', most: 'MAX_REACTIONS', answer: 'limit' },
  reactionsTogether: {
    what: 'reactions of all users to a message',
    most: 'MAX_REACTIONS_TOGETHER',
    answer: 'limit',
  },
  reactionUsers: {
    what: 'users that a page names with a reaction',
    most: 'MAX_REACTION_USERS',
    answer: 'the others are counted',
  },
  signalName: {
    what: 'the name of a signal',
    most: 'MAX_SIGNAL_NAME_CHARS',
    unit: 'characters',
    answer: 'bad_request',
  },
  signalData: {
    what: 'the data of a signal, as JSON',
    most: 'MAX_SIGNAL_BYTES',
    unit: 'bytes',
    answer: 'too_large',
  },
  history: { what: 'a page of messages', most: 'MAX_HISTORY', unit: 'messages', answer: 'bad_request' },
  pageBytes: {
    what: 'its bytes',
    most: 'MAX_PAGE_BYTES',
    answer: 'the page ends there, with `more`',
  },
  resume: {
    what: 'what a resume brings',
    most: 'MAX_RESUME_BYTES',
    unit: 'bytes',
    answer: 'the latest page instead',
  },
  members: { what: 'a page of members', most: 'MAX_MEMBERS', answer: 'bad_request' },
  inboxPage: { what: 'a page of an inbox', most: 'MAX_INBOX_PAGE', unit: 'items', answer: 'bad_request' },
  blocks: { what: 'users that one blocks', most: 'MAX_BLOCKS', answer: 'limit' },
  restrictions: {
    what: 'bans and mutes that moderators put on a room',
    most: 'MAX_RESTRICTIONS',
    answer: 'limit',
  },
  pushUsers: { what: 'users of a push', most: 'MAX_PUSH_USERS', answer: 'bad_request' },
  announceRooms: { what: 'rooms of an announcement', most: 'MAX_ANNOUNCE_ROOMS', answer: 'bad_request' },
  batch: { what: 'requests of a batch', most: 'MAX_BATCH_REQUESTS', answer: 'bad_request' },
  batchAnswers: {
    what: 'their answers together',
    most: 'MAX_BATCH_ANSWER_BYTES',
    unit: 'bytes',
    answer: 'the requests behind are not run: `too_large`',
  },
  packet: {
    what: 'a packet, a POST of a polling client',
    most: 'MAX_PACKET_BYTES',
    unit: 'bytes',
    answer: 'the connection is closed with 1009; 413',
  },
  fragments: {
    what: 'fragments of such a packet over WebSocket',
    most: MAX_FRAGMENTS,
    answer: 'the connection is closed with 1008',
  },
  controlFrames: {
    what: 'pings and pongs of a WebSocket itself',
    most: `${CONTROL_FRAMES.perMs * 1_000}/1s burst ${CONTROL_FRAMES.burst}`,
    answer: 'the connection is closed',
  },
  unanswered: {
    what: 'requests that wait for their answers on a connection to a worker’s port',
    most: MAX_UNANSWERED_REQUESTS,
    answer: 'the connection is closed',
  },
  postPackets: { what: 'packets in a POST', most: MAX_POST_PACKETS, answer: OVER_LIMIT },
  connect: { what: 'a CONNECT', most: MAX_CONNECT_BYTES, unit: 'bytes', answer: OVER_LIMIT },
  headersTime: {
    what: 'the headers of a request',
    most: `${seconds(HEADERS_TIMEOUT_MS)}; front door ${seconds(HEAD_TIMEOUT_MS)}`,
    answer: '408',
  },
  requestTime: { what: 'a whole request', most: seconds(REQUEST_TIMEOUT_MS), answer: '408' },
  connectTime: {
    what: 'a connection that is in no namespace',
    most: seconds(CONNECT_TIMEOUT_MS),
    answer: 'it is closed',
  },
  pongTime: {
    what: 'the answer to a heartbeat',
    most: 'pingTimeoutMs',
    unit: 'ms',
    answer: 'the connection is closed',
    setting: 'pingTimeoutMs',
  },
  unread: {
    what: 'bytes that wait for a client',
    most: 'maxBufferedBytes',
    answer: `\`bye\` ${BYE.slow}`,
    setting: 'maxBufferedBytes',
  },
  workerClients: {
    what: 'connections of a worker',
    most: 'maxWorkerClients',
    answer: '503 `unavailable`',
    setting: 'maxWorkerClients',
  },
  workerSockets: {
    what: 'all that hold a connection to a worker or to the front door, whatever they send',
    most: 'nineteen twentieths of the files that the process may open',
    answer: 'the connection is closed',
  },
  rooms: {
    what: 'rooms of a connection',
    most: 'maxRoomsPerClient',
    answer: 'limit',
    setting: 'maxRoomsPerClient',
  },
  roomClients: {
    what: 'connections of a room',
    most: 'maxRoomClients',
    answer: 'limit',
    setting: 'maxRoomClients',
  },
  rateEvents: {
    what: 'events of a connection',
    most: 'rateEvents',
    answer: `\`rate_limited\`, then ${OVER_LIMIT}`,
    setting: 'rateEvents',
  },
  rateBytes: {
    what: 'bytes of a connection',
    most: 'rateBytes',
    answer: `\`rate_limited\`, then ${OVER_LIMIT}`,
    setting: 'rateBytes',
  },
  rateSay: {
    what: 'messages of a connection',
    most: 'rateSay',
    answer: 'rate_limited',
    setting: 'rateSay',
  },
  rateSignal: {
    what: 'signals of a connection',
    most: 'rateSignal',
    answer: 'rate_limited',
    setting: 'rateSignal',
  },
  rateRooms: {
    what: 'rooms that a connection creates',
    most: 'rateRooms',
    answer: 'rate_limited',
    setting: 'rateRooms',
  },
  rateStored: {
    what: 'bytes that a user has stored',
    most: 'rateStored',
    answer: 'rate_limited',
    setting: 'rateStored',
  },
  rateConnect: {
    what: 'connections that an address opens',
    most: 'rateConnect',
    answer: '429 `rate_limited`',
    setting: 'rateConnect',
  },
  rateAdmit: {
    what: 'connects of a second, on all hosts',
    most: 'rateAdmit',
    answer: OVER_LIMIT,
    setting: 'rateAdmit',
  },
  logSize: {
    what: 'messages kept of a room',
    most: 'historySize',
    answer: 'the oldest go',
    setting: 'historySize',
  },
  inboxSize: {
    what: 'items kept of a person',
    most: 'inboxSize',
    answer: 'the oldest go',
    setting: 'inboxSize',
  },
  unopened: {
    what: 'items for somebody who was never there',
    most: `${UNOPENED_ITEMS}, ${shown(UNOPENED_BYTES)} bytes`,
    answer: 'limit',
  },
  streams: { what: 'event streams of a worker', most: MAX_STREAMS, answer: 'limit' },
  streamsOfUser: { what: 'those of one user', most: MAX_STREAMS_PER_USER, answer: 'limit' },
} as const satisfies Readonly<Record<string, Limit>>;

/** The rows as they stand in the README. */
export function limitRows(): readonly string[] {
  return Object.values<Limit>(LIMITS).map(({ what, most, unit, answer, setting }) => {
    const largest = [defaultOf(most), unit].filter(Boolean).join(' ');
    const answered = CODES.includes(answer) ? `\`${answer}\`` : answer;
    return `| ${what} | ${largest} | ${answered} | ${setting ? `\`${SETTINGS[setting].name}\`` : '–'} |`;
  });
}

function defaultOf(most: Limit['most']): string {
  if (typeof most === 'number') return shown(most);
  if (most in SETTINGS) return shownSetting(SETTINGS[most as keyof typeof SETTINGS].shownDefault);
  if (most in numbers) return shown(Number(numbers[most]));
  return most;
}

/** Without what else it depends on, which the table of settings says. */
function shownSetting(text: string): string {
  const [start = ''] = text.split(',');
  if (start === '0') return 'no limit';
  return /^\d+$/.test(start) ? shown(Number(start)) : start;
}

function shown(count: number): string {
  return count.toLocaleString('en-US');
}
