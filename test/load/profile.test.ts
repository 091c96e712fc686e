import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/load/driver/ledger.ts';
import type { ClientSpec } from '../../src/load/driver/orders.ts';
import { createSchedule } from '../../src/load/driver/schedule.ts';
import type { Sender } from '../../src/load/driver/sender.ts';
import { createTextSizes } from '../../src/load/driver/text-sizes.ts';
import { planClients } from '../../src/load/plan/clients.ts';
import { readLoadOptions } from '../../src/load/plan/options.ts';
import { measure } from '../../src/load/profile/measure.ts';
import { type Reading, readMetrics } from '../../src/load/profile/metrics-page.ts';
import { type Profile, readProfile } from '../../src/load/profile/profile.ts';
import { fanOut, roomSizes, sizeOf, talkExponent, textSizes } from '../../src/load/profile/replay.ts';
import { createRandom } from '../../src/load/random.ts';
import { UNEVEN } from '../support/profiles.ts';

const URLS = ['http://127.0.0.1:3000'];
const LIMITS = { minBytes: 72, maxBytes: 8_192 };
const read = (values: Record<string, string> = {}, profile: Profile = UNEVEN) =>
  readLoadOptions(URLS, values, { cores: 1, seed: 7, profile });

/** Says for a minute what a run would, without servers. */
function said(profile: Profile, seconds = 60) {
  const { config, servers } = read({}, profile).options;
  const { clients } = planClients({
    config,
    servers,
    runName: 'r',
    numberedBy: 'server',
    tokenOf: undefined,
  });
  const sizes = new Map<string, number>();
  for (const { room = '' } of clients) sizes.set(room, (sizes.get(room) ?? 0) + 1);
  const random = createRandom(1);
  const nextTextBytes = createTextSizes(
    { textBytes: config.textBytes, textSizes: config.replay?.textSizes ?? [] },
    random.fraction(),
  );
  const totals = { said: 0, privately: 0, delivered: 0, bytes: 0, polling: 0 };
  totals.polling = clients.filter(({ transport }) => transport === 'polling').length;
  const senderOf = ({ room = '', talkWeight = 1 }: ClientSpec) => ({
    room,
    weight: talkWeight,
    say() {
      totals.said += 1;
      totals.delivered += sizes.get(room) ?? 0;
      totals.bytes += nextTextBytes();
      return true;
    },
  });
  let nowUs = 0;
  const schedule = createSchedule({
    clock: () => nowUs,
    ledger: new Ledger(),
    random,
    senders: clients.map((each) => senderOf(each) as unknown as Sender),
    clients: [],
    privateCheck: {
      say() {
        totals.privately += 1;
        return true;
      },
    } as never,
    churn: () => undefined,
    order: { do: 'rate', perSecond: config.ratePerS, privateShare: config.privateShare, churnPerS: 0.001 },
  });
  for (let ms = 0; ms < seconds * 1_000; ms += 1) {
    nowUs += 1_000;
    schedule.pump(nowUs);
  }
  return { ...totals, clients: clients.length, sizes: [...sizes.values()].sort((a, b) => b - a) };
}

describe('a replay of a profile', () => {
  it('says in each measure within 1 % what was measured', () => {
    const { clients, polling, privately, delivered, bytes, sizes, ...totals } = said(UNEVEN);
    expect({ clients, polling, sizes }).toEqual({ clients: 40, polling: 10, sizes: [20, 8, 4, 4, 2, 2] });
    const off = {
      says: totals.said / (UNEVEN.saysPerS * 60),
      privates: privately / (UNEVEN.privatePerS * 60),
      deliveries: delivered / (UNEVEN.deliveriesPerS * 60),
      bytes: bytes / totals.said / UNEVEN.texts.meanBytes,
    };
    for (const [name, ratio] of Object.entries(off))
      expect([name, Math.abs(ratio - 1) < 0.01]).toEqual([name, true]);
  });

  it('keeps its proportions in another size, and gives way to options beside it', () => {
    const { config } = read({ scale: '3', size: '100', transport: 'polling' }).options;
    expect(config).toMatchObject({
      clients: 120,
      rooms: 18,
      ratePerS: 150,
      churnPerS: 6,
      textBytes: 100,
      transport: 'polling',
      skew: 'profile',
    });
    expect(config.replay).toEqual({
      roomSizes: [
        { clients: 20, rooms: 3 },
        { clients: 8, rooms: 3 },
        { clients: 4, rooms: 6 },
        { clients: 2, rooms: 6 },
      ],
      talkExponent: expect.any(Number),
    });
    expect(read({ skew: 'even', clients: '80' }).options.config).toMatchObject({ clients: 80, skew: 'even' });
    expect(read({ clients: '3' }).options.config).toMatchObject({ clients: 3, rooms: 3 });
  });

  it('says what it cannot repeat', () => {
    expect(read().notes).toEqual([]);
    const short = { meanBytes: 20, buckets: [{ upTo: 32, share: 1 }] };
    expect(read({}, { ...UNEVEN, texts: short }).notes[0]).toMatch(
      /^texts have 72 bytes in the mean and not 20/,
    );
    expect(read({}, { ...UNEVEN, deliveriesPerS: 45 * 30 }).notes[0]).toMatch(
      /members and not 30, which rooms/,
    );
    expect(read({}, { ...UNEVEN, clients: 20 }).notes[0]).toMatch(/20 connections and 40 places/);
    expect(read({}, { ...UNEVEN, rooms: [] }).problems[0]).toMatch(/^--profile has no room/);
    expect(read({}, { ...UNEVEN, saysPerS: 0.001, privatePerS: 0 }).problems).toEqual([
      '--profile: its messages per second (0.0010/s) cannot be repeated: ' +
        'give --rate beside it, a rate such as 200/s, or take the profile for longer',
    ]);
    const untimed = read({}, { ...UNEVEN, texts: { meanBytes: 0, buckets: [] } });
    expect(untimed.problems).toEqual([]);
    expect(untimed.options.config).toMatchObject({ textBytes: 100 });
    expect(untimed.options.config.replay).not.toHaveProperty('textSizes');
    expect(read({ scale: '0' }).problems[0]).toMatch(/^--scale takes a factor/);
  });
});

describe('the rooms of a profile', () => {
  it('keep their number of clients in any size, and none is empty', () => {
    for (const [clients, rooms] of [
      [40, 6],
      [41, 6],
      [6, 6],
      [1_000, 7],
      [500, 499],
    ] as const)
      expect(sizeOf({ rooms: roomSizes(UNEVEN.rooms, { clients, rooms }) })).toEqual({ clients, rooms });
  });

  it('get the exponent by which a message reaches as many members', () => {
    for (const wanted of [2.5, 7, 12.6, 18])
      expect(fanOut(UNEVEN.rooms, talkExponent(UNEVEN.rooms, wanted))).toBeCloseTo(wanted, 3);
    expect(talkExponent(UNEVEN.rooms, 12.6)).toBeCloseTo(1, 5);
    expect(talkExponent([{ clients: 10, rooms: 3 }], 10)).toBe(1);
  });

  it('get texts within the bounds of the measured lengths', () => {
    const sizes = textSizes(UNEVEN.texts, LIMITS);
    expect(sizes.map(({ share }) => share)).toEqual([0.6, 0.2, 0.15, 0.05]);
    expect(sizes[0]?.bytes).toBeLessThanOrEqual(96);
    expect(sizes[1]?.bytes).toBeGreaterThan(96);
    expect(sizes[3]?.bytes).toBeLessThanOrEqual(2_048);
  });
});

describe('a profile', () => {
  const page = (rows: string) =>
    `\nroomcast_worker_up{slot="0"} 1\n${rows}\nroomcast_message_text_bytes_count 1\n`;

  it('is read from the metrics of several hosts', () => {
    const rows = [
      'roomcast_clients 5',
      'roomcast_polling_clients 2',
      'roomcast_messages_stored_total 10',
      'roomcast_private_messages_stored_total 1',
      'roomcast_messages_delivered_total 50',
      'roomcast_presence_delivered_total 5',
      'roomcast_disconnections_total{reason="transport_close"} 2',
      'roomcast_disconnections_total{reason="ping_timeout"} 1',
      'roomcast_cluster_members{kind="hosts"} 2',
      'roomcast_cluster_members{kind="clients"} 99',
      'roomcast_message_text_bytes_bucket{le="64"} 4',
      'roomcast_message_text_bytes_bucket{le="+Inf"} 11',
    ].join('\n');
    const pages = ['a', 'b'].map((url) => ({ url, text: page(rows) }));
    expect(readMetrics(pages)).toMatchObject({
      reading: {
        hosts: 2,
        clients: 10,
        pollingClients: 4,
        said: 20,
        saidPrivately: 2,
        delivered: 90,
        disconnected: 6,
        byHost: [
          [10, 50, 0, 3, 0],
          [10, 50, 0, 3, 0],
        ],
      },
    });
    expect(readMetrics([{ url: 'a', text: 'nginx_up 1\n' }])).toEqual({
      problem: expect.stringContaining('no metrics of Roomcast'),
    });
    expect(readMetrics([{ url: 'a', text: '\nroomcast_clients 1\n' }])).toEqual({
      problem: expect.stringContaining('of one worker'),
    });
  });

  it('has what rose between two readings', () => {
    const zero: Reading = {
      hosts: 1,
      clients: 10,
      pollingClients: 5,
      said: 100,
      saidPrivately: 10,
      delivered: 1_000,
      connected: 10,
      disconnected: 0,
      textBytes: 1_000,
      texts: new Map([
        [64, 50],
        [Number.POSITIVE_INFINITY, 110],
      ]),
      byHost: [[100], [0]],
    };
    const last: Reading = {
      ...zero,
      clients: 20,
      said: 120,
      delivered: 1_100,
      connected: 20,
      textBytes: 3_000,
      texts: new Map([
        [64, 55],
        [Number.POSITIVE_INFINITY, 130],
      ]),
      byHost: [[115], [5]],
    };
    expect(measure({ first: zero, last, sampledMs: 2_000, rooms: [3, 1, 0, 3] })).toEqual({
      clients: 15,
      pollingShare: 5 / 15,
      saysPerS: 10,
      privatePerS: 0,
      deliveriesPerS: 50,
      connectsPerS: 5,
      disconnectsPerS: 0,
      texts: {
        meanBytes: 100,
        buckets: [
          { upTo: 64, share: 0.25 },
          { upTo: null, share: 0.75 },
        ],
      },
      rooms: [
        { clients: 3, rooms: 2 },
        { clients: 1, rooms: 1 },
      ],
    });
    expect(measure({ first: last, last: zero, sampledMs: 2_000, rooms: [] })).toBeUndefined();
    // The other host made up for it.
    const restarted = { ...last, byHost: [[20], [100]] };
    expect(measure({ first: zero, last: restarted, sampledMs: 2_000, rooms: [] })).toBeUndefined();
  });

  it.each([
    [JSON.stringify(UNEVEN), undefined],
    ['profile', /^is no JSON/],
    ['null', /^is no profile/],
    [
      JSON.stringify({ ...UNEVEN, format: 2 }),
      /^has format 2, of a newer Roomcast: this one reads format 1$/,
    ],
    [JSON.stringify({ ...UNEVEN, saysPerS: -1 }), /^is no profile of "roomcast profile" \(saysPerS: /],
    [JSON.stringify({ ...UNEVEN, rooms: [{ clients: 0, rooms: 1 }] }), /\(rooms\.0\.clients: /],
  ])('is read, or refused with a reason: %s', (text, problem) => {
    const result = readProfile(text);
    if (problem === undefined) expect(result).toEqual({ profile: UNEVEN });
    else expect(result).toEqual({ problem: expect.stringMatching(problem) });
  });
});
