import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { connect, type Member } from '../support/member.ts';
import { joinUntilMember } from './fill-room.ts';
import { launchBrowser, type Visitor, visit } from './visitor.ts';

export const PHONE: BrowserContextOptions = {
  viewport: { width: 375, height: 667 },
  hasTouch: true,
  isMobile: true,
};

/** Asks until the page shows what is expected. */
export const eventually = (look: () => Promise<unknown>) => expect.poll(look, { timeout: 20_000 });

/** The browser's settings, and the address of the server where it is not the fixture's host. */
export type Arrival = BrowserContextOptions & { readonly at?: string };

/** A host and a browser for the tests of a file. Everybody who came leaves after each test, without problems of the page. */
export interface PageFixture {
  host(): Host;
  /** A name that no other test of the file has. */
  newRoom(): string;
  /** Opens the page there, and fills in nothing. */
  arrive(path: string, arrival?: Arrival): Promise<Visitor>;
  inRoom(username: string, roomid: string, arrival?: Arrival): Promise<Visitor>;
  /** A member without a browser. */
  member(username: string, roomid: string): Promise<Member>;
}

export function pageFixture(options: Parameters<typeof startHost>[0]): PageFixture {
  let browser: Browser;
  let host: Host;
  let visitors: Visitor[] = [];
  let members: Member[] = [];
  let rooms = 0;

  beforeAll(async () => {
    host = await startHost(options);
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await host?.stop();
    await host?.remove();
  });

  afterEach(async () => {
    for (const member of members) member.close();
    for (const visitor of visitors) await visitor.leave();
    const problems = visitors.flatMap((visitor) => visitor.problems);
    [visitors, members] = [[], []];
    expect(problems).toEqual([]);
  });

  async function arrive(path: string, { at = host.url, ...context }: Arrival = {}): Promise<Visitor> {
    const visitor = await visit(browser, at + path, context);
    visitors.push(visitor);
    return visitor;
  }

  return {
    host: () => host,
    newRoom: () => `room ${++rooms}`,
    arrive,
    async inRoom(username, roomid, arrival) {
      const visitor = await arrive('/', arrival);
      await visitor.enter(username, roomid);
      return visitor;
    },
    async member(username, roomid) {
      const connected = await connect(host.url, { query: { username } });
      await joinUntilMember(connected, roomid);
      members.push(connected);
      return connected;
    },
  };
}
