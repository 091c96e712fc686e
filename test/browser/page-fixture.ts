import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { connect, type Member } from '../support/member.ts';
import { launchBrowser, type Visitor, visit } from './visitor.ts';

/** A host and a browser for the tests of a file. Everybody who came leaves after each test, without problems of the page. */
export interface PageFixture {
  host(): Host;
  /** A name that no other test of the file has. */
  newRoom(): string;
  inRoom(username: string, roomid: string, options?: BrowserContextOptions): Promise<Visitor>;
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

  return {
    host: () => host,
    newRoom: () => `room ${++rooms}`,
    async inRoom(username, roomid, context) {
      const visitor = await visit(browser, `${host.url}/`, context);
      visitors.push(visitor);
      await visitor.enter(username, roomid);
      return visitor;
    },
    async member(username, roomid) {
      const connected = await connect(host.url, { query: { username } });
      await connected.do('join', { roomid });
      members.push(connected);
      return connected;
    },
  };
}
