import type { Chatter, ChatterOptions, Effect } from './chatter.ts';
import type { CrowdOptions, Order, Report } from './crowd.ts';
import { openFrameConnection } from './frame-connection.ts';
import { openLibraryConnection } from './library-connection.ts';
import { createPresenceCheck } from './presence-check.ts';
import { openRecorder } from './recorder.ts';
import { openRoomChatter } from './room-chatter.ts';
import { openSdkChatter } from './sdk-chatter.ts';
import { openStockChatter } from './stock-chatter.ts';
import { openStreamReader } from './stream-reader.ts';

const TICK_MS = 20;
const BURST = 4;
const LOOK_MS = 100;
const LONGEST_LATE_MS = 60_000;
/** What is still on its way after the last ack; a quiet room whose last message was lost is healed within 3 s. */
const SETTLE_MS = 4_000;
const QUIET_LIMIT_MS = 40_000;
const PADDING = 'so that a message is as long as people make them '.repeat(2);

const options = JSON.parse(process.argv[2] as string) as CrowdOptions;
const recorder = openRecorder(options.file);
const effects: Record<Effect, number> = {
  connectionsLost: 0,
  retries: 0,
  refused: 0,
  duplicateAcks: 0,
  repeatsDropped: 0,
  unrecovered: 0,
  falsePresence: 0,
  unheardPresence: 0,
};
let lastRecord = performance.now();
const presence = createPresenceCheck({
  isJoined: (name) => members.find((member) => member.name === name)?.chatter.joined ?? false,
  now: () => performance.now(),
});

const members = Array.from({ length: options.clients }, (_, n) => {
  const name = `c${n}`;
  const { rooms } = options;
  // The second room steps on with each round of clients, so that rooms overlap in ever other pairs.
  const step = 1 + (Math.floor(n / rooms.length) % (rooms.length - 1));
  const own = [rooms[n % rooms.length], rooms[(n + step) % rooms.length]] as string[];
  const chatterOptions: ChatterOptions = {
    url: options.urls[n % options.urls.length] as string,
    name,
    rooms: own,
    record(record) {
      lastRecord = performance.now();
      if (record.kind === 'leave') presence.left(name);
      recorder.add(record);
    },
    onDelivered: (source, at) => presence.heard(name, source === 'live' ? lateMsOf(at) : 0),
    count: (what) => (effects[what] += 1),
    onPresence: (about, event, roomid) => presence.told(about, `${name} ${event} ${roomid}`),
  };
  return { name, rooms: own, said: 0, chatter: openChatter(n, chatterOptions) };
});

/** One reader for each room, beside the members. */
const { apiKey } = options;
const readers =
  apiKey === undefined
    ? []
    : options.rooms.map((roomid, n) =>
        openStreamReader({
          url: options.urls[n % options.urls.length] as string,
          name: `events-${n}`,
          roomid,
          apiKey,
          record(record) {
            lastRecord = performance.now();
            recorder.add(record);
          },
          count: (what) => (effects[what] += 1),
        }),
      );

/** Half of them by hand, half on the library, in every room. */
function openChatter(n: number, chatterOptions: ChatterOptions): Chatter {
  const byHand = n < options.clients / 2;
  if (options.kind === 'stock')
    return openStockChatter(chatterOptions, byHand ? openFrameConnection : openLibraryConnection);
  return byHand ? openRoomChatter(chatterOptions, openFrameConnection) : openSdkChatter(chatterOptions);
}

/**
 * Open loop: a slow answer holds nothing up, as people do not wait for each other. They talk in bursts: several
 * members of one room, on different workers, say something in the same moment, which is what puts orders apart.
 */
function load(): NodeJS.Timeout {
  const start = performance.now();
  let said = 0;
  return setInterval(() => {
    const due = ((performance.now() - start) / 1_000) * options.perSecond;
    for (; said < due; said += 1) {
      const burst = Math.floor(said / BURST);
      const roomid = options.rooms[burst % options.rooms.length] as string;
      const present = members.filter(({ rooms }) => rooms.includes(roomid));
      const round = Math.floor(burst / options.rooms.length);
      const member = present[(round * BURST + (said % BURST)) % present.length] as (typeof members)[number];
      const id = `${roomid}-${member.name}-${member.said}`;
      member.said += 1;
      member.chatter.say(roomid, id, `${id} ${PADDING}`);
    }
  }, TICK_MS);
}

/** Returns the delay of a message that was stored at that time. A clock that a fault has set shows nothing. */
function lateMsOf(at: number): number {
  const lateMs = Date.now() - at;
  return lateMs > 0 && lateMs < LONGEST_LATE_MS ? lateMs : 0;
}

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!condition() && performance.now() < giveUpAt)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

const tell = (report: Report) => void process.send?.(report);
const pending = () => members.reduce((sum, { chatter }) => sum + chatter.pending, 0);
/** Members who are not in all of their rooms, and readers without their stream. */
const away = () =>
  members.filter(({ chatter }) => !chatter.joined).length + readers.filter(({ joined }) => !joined).length;
const allJoined = () => away() === 0;

let loading: NodeJS.Timeout | undefined;
process.on('message', async (order: Order) => {
  if (order.do === 'load') {
    loading = load();
    setInterval(() => presence.look(members.map(({ name }) => name)), LOOK_MS).unref();
  } else if (order.do === 'quiet') {
    clearInterval(loading);
    // Somebody still on the way back has not missed anything: the log is replayed to them.
    await until(() => pending() === 0 && allJoined(), QUIET_LIMIT_MS);
    await until(() => performance.now() - lastRecord > SETTLE_MS, QUIET_LIMIT_MS);
    tell({ is: 'quiet', pending: pending(), away: away() });
  } else {
    for (const { chatter } of members) chatter.close();
    for (const reader of readers) reader.close();
    await recorder.close();
    tell({ is: 'ended', effects: { ...effects, ...presence.result() } });
    process.disconnect();
  }
});
process.once('disconnect', () => process.exit(0));

await until(allJoined, QUIET_LIMIT_MS);
if (allJoined()) tell({ is: 'joined' });
else process.exit(1);
