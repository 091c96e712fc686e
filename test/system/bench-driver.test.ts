import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Crowd, openCrowd } from '../../src/load/driver/crowd.ts';
import type { Faults } from '../../src/load/driver/orders.ts';
import { crowdOf } from '../bench/crowds.ts';
import { openBusTap } from '../bench/measure/bus-tap.ts';
import { fitLine, orderOfRound, spreadOf } from '../bench/statistics.ts';
import { BARE_WS } from '../bench/systems/stock.ts';

const MEMBERS = 3;
const WRONG_AT = 20;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A room chat in the benchmark's dialect for bare ws, whose messages to one member can be tampered with. */
async function openChat(tamper: (texts: string[], member: WebSocket, count: number) => string[]) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const members: WebSocket[] = [];
  let count = 0;
  server.on('connection', (socket) => {
    members.push(socket);
    socket.on('message', (raw) => {
      const { number, text } = JSON.parse(String(raw));
      count += 1;
      for (const member of members) {
        const built = `{"number":${number},"data":${JSON.stringify({ text })}}`;
        const texts = member === members[1] ? tamper([built], member, count) : [built];
        for (const each of texts) member.send(each);
      }
      socket.send(`{"ack":${number}}`);
    });
    socket.send('{"joined":true}');
  });
  closers.push(() => {
    for (const member of members) member.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function talkOn(
  port: number,
): Promise<{ faults: Faults; delivered: number; sent: number; crowd: Crowd }> {
  const crowd = await openCrowd('ws', 1);
  closers.push(() => crowd.close());
  await crowd.connect(crowdOf(BARE_WS, { rooms: 1, members: MEMBERS, ports: [port] }), { timedOneIn: 1 });
  await crowd.talk({ perSecond: 200, unacked: 50 });
  await new Promise((resolve) => setTimeout(resolve, 400));
  const faults = await crowd.settle();
  const { delivered, sent } = await crowd.mark();
  return { faults, delivered, sent, crowd };
}

describe('the benchmark’s clients', () => {
  it('find no fault if everything arrives', async () => {
    const { faults, delivered, sent } = await talkOn(await openChat((texts) => texts));
    expect(faults).toMatchObject({ lost: 0, again: 0, cut: 0 });
    expect(sent).toBeGreaterThan(WRONG_AT);
    expect(delivered).toBe(sent * MEMBERS);
  });

  it('report a missing message', async () => {
    const port = await openChat((texts, _member, count) => (count === WRONG_AT ? [] : texts));
    expect((await talkOn(port)).faults).toMatchObject({ lost: 1, again: 0 });
  });

  it('report a repeated message', async () => {
    const port = await openChat((texts, _member, count) =>
      count === WRONG_AT ? [...texts, ...texts] : texts,
    );
    expect((await talkOn(port)).faults).toMatchObject({ lost: 0, again: 1 });
  });

  it('report two swapped messages', async () => {
    let held: string[] = [];
    const port = await openChat((texts, _member, count) => {
      if (count === WRONG_AT) {
        held = texts;
        return [];
      }
      return count === WRONG_AT + 1 ? [...texts, ...held] : texts;
    });
    const { lost, again } = (await talkOn(port)).faults;
    expect(lost + again).toBeGreaterThan(0);
  });

  it('report the end of a connection', async () => {
    const port = await openChat((texts, member, count) => {
      if (count === WRONG_AT) member.terminate();
      return texts;
    });
    expect((await talkOn(port)).faults).toMatchObject({ cut: 1 });
  });

  it('read frames in any fragmentation', async () => {
    const port = await openChat((texts) => texts);
    const { faults, delivered, sent } = await talkOn(await openShredder(port));
    expect(faults).toMatchObject({ lost: 0, again: 0, cut: 0 });
    expect(delivered).toBe(sent * MEMBERS);
  });

  it('measure the latency from the time a message was due, not from when it could be sent', async () => {
    // Far more is due than may be sent: one message is to be on its way at a time.
    const crowd = await openCrowd('ws', 1);
    closers.push(() => crowd.close());
    const port = await openChat((texts) => texts);
    await crowd.connect(crowdOf(BARE_WS, { rooms: 1, members: 1, ports: [port] }), { timedOneIn: 1 });
    await crowd.talk({ perSecond: 100_000, unacked: 1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { deliverUs, backlog } = await crowd.mark();
    expect(backlog).toBeGreaterThan(1_000);
    expect(deliverUs.getValueAtPercentile(99)).toBeGreaterThan(200_000);
  });
});

/** A proxy that passes everything on to the clients in pieces of a few bytes. */
async function openShredder(port: number): Promise<number> {
  const links = new Set<Socket>();
  const server = createServer((client) => {
    const chat = connect(port, '127.0.0.1');
    for (const socket of [client, chat]) {
      links.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    client.pipe(chat);
    chat.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += 7) client.write(chunk.subarray(at, at + 7));
    });
  });
  closers.push(() => {
    for (const link of links) link.destroy();
    server.close();
  });
  return listening(server);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('what the benchmark counts on the way to Redis', () => {
  it('are commands sent and messages handed out, also when they are cut in two', async () => {
    const redis = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        const message = '*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nb\r\n';
        socket.write(message + message.slice(0, 9));
        setTimeout(() => socket.write(message.slice(9)), 30);
      });
    });
    const tap = await openBusTap(await listening(redis));
    closers.push(
      () => redis.close(),
      () => tap.close(),
    );
    const client = connect(Number(new URL(tap.url).port), '127.0.0.1');
    closers.push(() => client.destroy());
    let heard = 0;
    client.on('data', (chunk) => (heard += chunk.length));
    // The third is no command but what a message says.
    const commands = '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$6\r\n*1\r\n$4\r\n';
    client.write(commands.slice(0, 20));
    await once(client, 'data');
    client.write(commands.slice(20));
    while (heard < 64 || tap.commands() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([tap.commands(), tap.messages()]).toEqual([2, 2]);
  });
});

describe('how the benchmark counts', () => {
  it('takes the middle of odd and even numbers of runs', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  it('finds slope and fit of a line', () => {
    const exact = fitLine([
      [1, 12],
      [2, 22],
      [3, 32],
    ]);
    expect(exact.slope).toBeCloseTo(10);
    expect(exact.intercept).toBeCloseTo(2);
    expect(exact.r2).toBeCloseTo(1);
    const bent: [number, number][] = [
      [1, 0],
      [2, 5],
      [3, 1],
    ];
    expect(fitLine(bent).r2).toBeLessThan(0.1);
  });

  it('lets systems take turns: two as A B B A, of more each is first and last as often', () => {
    expect([0, 1].flatMap((round) => orderOfRound(['a', 'b'], round))).toEqual(['a', 'b', 'b', 'a']);
    const rounds = Array.from({ length: 8 }, (_, round) => orderOfRound(['a', 'b', 'c', 'd'], round));
    for (const place of [0, 3]) {
      const there = rounds.map((order) => order[place] as string).sort();
      expect(there).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd']);
    }
  });
});
